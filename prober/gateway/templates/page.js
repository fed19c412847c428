"use strict";
// Keeps the page as the server would show it now: asks for it anew as soon as a status changes, and
// every 5 s, and puts what differs in place of what stands there, so that nothing flickers.
{
  const EVERY = 5000, SOON = 100, SPREAD = 400, LONGEST = 60000;
  const keyOf = (row) => row.querySelector("th a").getAttribute("href");
  const own = (doc) => doc.querySelector("style").textContent + doc.querySelector("script").textContent;
  const lost = document.getElementById("lost");
  let timer, due = Infinity, changedMeanwhile = false, asking = false, pause = EVERY;

  const put = (old, fresh) => {
    if (!old.isEqualNode(fresh)) old.replaceWith(fresh);
  };

  const putRow = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    old.className = fresh.className;
    const cells = [...old.cells], others = [...fresh.cells];
    if (cells.length === others.length) cells.forEach((cell, n) => put(cell, others[n]));
    else old.replaceChildren(...others);
  };

  const putRows = (body, fresh) => {
    const left = new Map([...body.rows].map((row) => [keyOf(row), row]));
    let place = body.firstElementChild;
    for (const row of [...fresh.rows]) {
      const old = left.get(keyOf(row));
      if (old) putRow(old, row);
      left.delete(keyOf(row));
      if (old && old === place) place = place.nextElementSibling;
      else body.insertBefore(old ?? row, place);
    }
    for (const row of left.values()) row.remove();
  };

  const show = (doc) => {
    if (own(doc) !== own(document)) return location.reload();
    document.title = doc.title;
    document.body.className = doc.body.className;
    for (const part of ["link[rel=icon]", ".verdict", ".notices", ".summary", "thead", ".rest", "footer"])
      put(document.querySelector(part), doc.querySelector(part));
    putRows(document.querySelector("tbody"), doc.querySelector("tbody"));
  };

  const refresh = async () => {
    due = Infinity;
    if (document.hidden) return void (changedMeanwhile = true);
    asking = true;
    changedMeanwhile = false;
    try {
      const answer = await fetch("/", { signal: AbortSignal.timeout(30000) });
      if (!answer.ok) throw new Error(answer.statusText);
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      lost.hidden = true;
    } catch {
      lost.hidden = false;
    }
    asking = false;
    plan(changedMeanwhile ? SOON : EVERY);
  };

  const plan = (ms) => {
    const at = Date.now() + ms;
    if (asking || at >= due) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(refresh, ms);
  };

  // Pages that are told at once don't all ask at once.
  const changed = () => (asking ? (changedMeanwhile = true) : plan(SOON + Math.random() * SPREAD));

  const listen = () => {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/api/v1/ws?channel=status`);
    socket.onmessage = (message) => {
      pause = EVERY;
      if (JSON.parse(message.data).channel === "status") changed();
    };
    socket.onclose = () => {
      setTimeout(listen, pause);
      pause = Math.min(2 * pause, LONGEST);
    };
  };

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) plan(0);
  });
  listen();
  plan(EVERY);
}
