"""Sessions in the database: what is kept, and for how long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from prober.storage.sessions import Bounds, Message, Sessions, Talk

AT = 1_795_359_600_123
LIFE_MS = 3_600_000


def said(content: str = "hello", at: int = AT, role: str = "user") -> Message:
    return Message(role, content, at, {})


def test_a_message_comes_back_as_it_was_added(url: str) -> None:
    message = Message("user", "\x00 ñandú 🐜", AT, {"source": ["ui", None, 1.5]})

    added = Sessions(url).add("a", "local", message)

    assert added == Talk("a", "local", AT, (message,))
    assert Sessions(url).get("a", AT) == added


def test_messages_stand_in_their_order(url: str) -> None:
    sessions = Sessions(url)

    for i in range(3):
        talk = sessions.add("a", None, said(str(i), AT + i))

    assert [m.content for m in talk.messages] == ["0", "1", "2"]


def test_an_unknown_session_is_none(url: str) -> None:
    assert Sessions(url).get("nobody", AT) is None


def test_only_the_last_fifty_messages_are_kept(url: str) -> None:
    sessions = Sessions(url)

    for i in range(53):
        talk = sessions.add("a", None, said(str(i), AT + i))

    assert [talk.messages[0].content, talk.messages[-1].content] == ["3", "52"]
    assert len(talk.messages) == 50


def test_the_least_recently_used_sessions_leave_first(url: str) -> None:
    sessions = Sessions(url)
    for i in range(100):
        sessions.add(f"s{i}", None, said(at=AT + i))

    sessions.add("s0", None, said(at=AT + 100))
    sessions.add("new", None, said(at=AT + 101))

    left = {f"s{i}" for i in range(100) if sessions.get(f"s{i}", AT + 101) is None}
    assert left == {"s1"}


def test_a_session_ends_when_its_time_is_over(url: str) -> None:
    sessions = Sessions(url)
    sessions.add("a", "first", said())

    assert sessions.get("a", AT + LIFE_MS) is not None
    assert sessions.get("a", AT + LIFE_MS + 1) is None
    again = sessions.add("a", "second", said("new", AT + LIFE_MS + 1))
    assert (again.user_id, len(again.messages)) == ("second", 1)


def test_what_is_kept_can_be_less(url: str) -> None:
    sessions = Sessions(url, Bounds(messages=2, sessions=1, life_ms=1000))
    sessions.add("old", None, said())
    for i in range(3):
        talk = sessions.add("new", None, said(str(i), AT + 10 + i))

    assert [m.content for m in talk.messages] == ["1", "2"]
    assert sessions.get("old", AT + 20) is None
    assert sessions.get("new", AT + 1012) is not None
    assert sessions.get("new", AT + 1013) is None


def test_a_use_prolongs_the_time(url: str) -> None:
    sessions = Sessions(url)
    sessions.add("a", None, said())

    sessions.add("a", None, said(at=AT + LIFE_MS))

    assert sessions.get("a", AT + 2 * LIFE_MS) is not None


def test_a_session_stays_with_the_user_who_began_it(url: str) -> None:
    sessions = Sessions(url)
    sessions.add("a", "first", said())

    assert sessions.add("a", "second", said()).user_id == "first"


def test_writers_at_the_same_time_lose_no_message(url: str) -> None:
    def write(writer: int) -> None:
        sessions = Sessions(url)
        for i in range(5):
            sessions.add("a", None, said(f"{writer}.{i}"))
        sessions.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))

    talk = Sessions(url).get("a", AT)
    assert talk is not None
    assert {m.content for m in talk.messages} == {f"{w}.{i}" for w in range(4) for i in range(5)}


def test_the_summary_is_the_last_three_messages_cut_short() -> None:
    messages = (said("old"), said("x" * 200), said("fine", role="assistant"), said("last"))

    summary = Talk("a", None, AT, messages).summary()

    assert summary == f"user: {'x' * 100}\nassistant: fine\nuser: last"


def test_the_summary_is_never_longer_than_its_most() -> None:
    messages = tuple(said("y" * 200, role="r" * 300) for _ in range(3))

    assert len(Talk("a", None, AT, messages).summary()) == 512
