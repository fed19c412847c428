"""A certificate authority for tests: it issues what a server or a client shows, of any age."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from servers import Certificate

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
HERE = "DNS:localhost,IP:127.0.0.1"
SETTINGS = """
[ca]
default_ca = one
[one]
database = {folder}/index
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
rand_serial = yes
[any]
commonName = supplied
organizationName = optional
"""


class Authority:
    """Its own certificate is the file `cert`; `folder` is for its files only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.cert = folder / "authority.crt"
        (folder / "index").write_text("")
        (folder / "settings").write_text(SETTINGS.format(folder=folder))
        subject = ("-subj", "/CN=Test Authority", "-days", "400")
        self._openssl("req", "-x509", *CURVE, *subject, "-keyout", self._key, "-out", self.cert)

    def issue(
        self, name: str, first_day: int = -1, last_day: int = 30, names: str = HERE
    ) -> Certificate:
        """A certificate for `names` with its chain, valid from and to so many days from now."""
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName = {names}\n")
        subject = ("-subj", f"/O=Acme/CN={name}")
        self._openssl("req", *CURVE, *subject, "-keyout", made.key, "-out", request)
        signing = ("-cert", self.cert, "-keyfile", self._key, "-in", request, "-out", made.cert)
        dates = ("-startdate", _date(first_day), "-enddate", _date(last_day))
        settings = ("-config", self._folder / "settings", "-extfile", extensions, "-notext")
        self._openssl("ca", "-batch", *settings, *signing, *dates)
        made.cert.write_bytes(made.cert.read_bytes() + self.cert.read_bytes())
        return made

    @property
    def _key(self) -> Path:
        return self._folder / "authority.key"

    def _openssl(self, *arguments: str | Path) -> None:
        subprocess.run(("openssl", *arguments), check=True, capture_output=True)


def _date(days: int) -> str:
    # A minute more, so that a test that takes a moment still counts the same days.
    moment = datetime.now(UTC) + timedelta(days=days, minutes=1 if days > 0 else -1)
    return moment.strftime("%Y%m%d%H%M%SZ")
