"""One command list at work on one call: a timeline that waits, collects and stops as the callee behaves.

Pure. The list runs as a generator that yields the moment it waits for (seconds since the epoch) and is resumed by the
agenda at that moment, earlier when a key is pressed, or thrown out of its wait when the call ends or it is cancelled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from orchestrator.sandbox.agenda import Appointment
from orchestrator.sandbox.calls import Call
from orchestrator.sandbox.commands import Answer, Command, Dial, GetDtmf, Hangup, Play, Say, SendDtmf

Waits = Generator[float, None, Any]
_OK: dict[str, Any] = {"status": "ok"}
_HUNG_UP: dict[str, Any] = {"status": "failed", "error": "hangup"}


class _InterruptedError(Exception):
    """The call ended, or the list was cancelled, in the middle of a command."""


class Execution:
    """Runs `commands` on `call`, then calls `on_end` once.

    Attributes:
        results: the entries of the commands that have run (contract section 4).
        outcome: `running`, then `ok`, `failed` (a command failed), `hangup` (the call ended in the middle) or
            `cancelled`.
    """

    def __init__(
        self, call: Call, commands: tuple[Command, ...], *, number: int, on_end: Callable[[Execution], None]
    ) -> None:
        self.call = call
        self.number = number
        self.results: list[dict[str, Any]] = []
        self.outcome = "running"
        self._commands = commands
        self._on_end = on_end
        self._world = call.world
        self._process = self._run()
        self._active = False

    def start(self) -> None:
        """Begin; a list that takes no time is over when this returns."""
        self.call.running = self
        self._resume()

    def wake(self) -> None:
        """Look again now: a key was pressed."""
        self._unwait()
        self._resume()

    def interrupt(self, error: str) -> None:
        """Stop in the middle of the command that runs; it fails with `error` (`hangup` or `cancelled`)."""
        if self._active:  # the list itself ends the call: it sees that when the command returns
            return
        self._unwait()
        self._continue(lambda: self._process.throw(_InterruptedError(error)))

    def _resume(self) -> None:
        self._continue(lambda: next(self._process))

    def _continue(self, step: Callable[[], float]) -> None:
        self._active = True
        try:
            moment = step()
        except StopIteration:
            return
        finally:
            self._active = False
        self._appointment: Appointment = self._world.agenda.at(moment, self._resume)

    def _unwait(self) -> None:
        self._appointment.cancel()

    def _run(self) -> Generator[float, None, None]:
        try:
            yield from self._until(self.call.schedule_start or 0.0)
        except _InterruptedError:
            self._finish()
            return
        for index, command in enumerate(self._commands):
            if not (yield from self._perform(command, index)):
                break
        self._finish()

    def _finish(self) -> None:
        call = self.call
        call.running = None
        if not call.ended:
            call.status = "ready"
        last = self.results[-1] if self.results else _HUNG_UP
        self.outcome = last["status"]
        if last.get("error") in {"hangup", "cancelled"}:
            self.outcome = last["error"]
        self._note("finished", outcome=self.outcome)
        self._on_end(self)

    def _perform(self, command: Command, index: int) -> Generator[float, None, bool]:
        """Run one command of the list and enter its result; false stops the list."""
        about = {"index": index, "command": command.name, **_details(command)}
        start = self._world.agenda.now
        self._note("running", **about)
        departure = self._departure(command)
        try:
            result = (
                {"status": "failed", "error": "hangup"} if self.call.ended else (yield from self._carry_out(command))
            )
        except _InterruptedError as stop:
            result = {"status": "failed", "error": str(stop)}
        if departure is not None:
            departure.cancel()
        self.call.asking = False
        entry = {"command": command.name, **result}
        self.results.append(entry)
        self.call.results.append(entry)
        self._note("ran", **about, start=start, **result)
        return bool(entry["status"] == "ok")

    def _carry_out(self, command: Command) -> Generator[float, None, dict[str, Any]]:
        match command:
            case Dial():
                return (yield from self._dial(command))
            case Answer():
                self.call.take_up()
            case Say() | Play() | SendDtmf():
                yield from self._pass(self._length(command))
            case GetDtmf():
                return (yield from self._ask(command))
            case Hangup():
                self.call.end("rejected" if self.call.answered_at is None else "command")
            case _:
                pass  # hold and unhold take no time and leave nothing to hear
        return _OK

    def _dial(self, dial: Dial) -> Generator[float, None, dict[str, Any]]:
        call, world = self.call, self._world
        if dial.expire is not None and world.agenda.now > dial.expire:
            call.end("expired")
            return {"status": "failed", "error": "expired"}
        call.status = "dialing"
        call.behaviour = behaviour = world.callees.take(dial.to)
        world.transcript.record("ringing", world.agenda.now, call=call.resource_id, to=dial.to)
        if behaviour.does == "no_answer" or behaviour.after > dial.timeout:
            yield from self._pass(dial.timeout)
            call.end("no_answer")
            return {"status": "failed", "error": "no_answer"}
        yield from self._pass(behaviour.after)
        match behaviour.does:
            case "busy":
                call.end("busy")
            case "reject":
                call.end("rejected")
            case "fail":
                call.end("failed")
            case _:
                call.take_up()
                return _OK
        return {"status": "failed", "error": call.hangup_cause}

    def _ask(self, command: GetDtmf) -> Generator[float, None, dict[str, Any]]:
        call, agenda = self.call, self._world.agenda
        call.presses.clear()
        call.asking = True
        for prompt in command.prompts:
            yield from self._prompt(prompt)
        scripted = self._answers()
        digits = ""
        terminated = False
        deadline = self._world.after(command.timeout)
        while len(digits) < command.max_digits and not terminated:
            due = scripted[0][0] if scripted else deadline
            if not call.presses and agenda.now < min(due, deadline):
                yield min(due, deadline)
                continue
            if call.presses:
                key = call.presses.popleft()
            elif scripted and due < deadline:
                key = scripted.popleft()[1]
                call.note_press(key)
            else:
                break
            terminated = key == command.terminate_on
            digits += "" if terminated else key
            deadline = self._world.after(command.timeout)
        if not digits and not terminated:
            return {"status": "failed", "error": "timeout"}
        return {"status": "ok", "dtmf": digits}

    def _answers(self) -> deque[tuple[float, str]]:
        """The keys that the callee will press at this `get_dtmf`, each with its moment."""
        behaviour, asked = self.call.behaviour, self.call.asked
        self.call.asked += 1
        keys = behaviour.keys[asked] if asked < len(behaviour.keys) else behaviour.further_keys
        return deque((self._world.after(behaviour.key_delay * nth), key) for nth, key in enumerate(keys, start=1))

    def _prompt(self, prompt: Say | Play) -> Waits:
        about = {"command": prompt.name, "prompt": True, **_details(prompt)}
        start = self._world.agenda.now
        self._note("running", **about)
        try:
            yield from self._pass(self._length(prompt))
        except _InterruptedError as stop:
            self._note("ran", **about, start=start, status="failed", error=str(stop))
            raise
        self._note("ran", **about, start=start, status="ok")

    def _departure(self, command: Command) -> Appointment | None:
        """Has the callee hang up in the middle of this command, if it is the one."""
        if isinstance(command, Dial | Answer):
            return None
        self.call.commands_begun += 1
        if self.call.behaviour.hangs_up_during != self.call.commands_begun:
            return None
        middle = self._first_wait(command) / 2
        if middle == 0:
            self.call.leave()
            return None
        return self.call.leave_after(middle)

    def _first_wait(self, command: Command) -> float:
        match command:
            case GetDtmf(prompts=(first, *_)):
                return self._length(first)
            case GetDtmf():
                return min(command.timeout, self.call.behaviour.key_delay)
            case Say() | Play() | SendDtmf():
                return self._length(command)
            case _:
                return 0.0

    def _length(self, command: Say | Play | SendDtmf) -> float:
        timing = self._world.timing
        match command:
            case Say():
                return timing.say(command.text)
            case Play():
                return timing.play(command.resource_id)
        return timing.tones(command.dtmf)

    def _pass(self, seconds: float) -> Waits:
        yield from self._until(self._world.after(seconds))

    def _until(self, moment: float) -> Waits:
        while self._world.agenda.now < moment:
            yield moment

    def _note(self, event: str, **fields: object) -> None:
        self._world.transcript.record(
            event, self._world.agenda.now, call=self.call.resource_id, list=self.number, **fields
        )


def _details(command: Command) -> dict[str, Any]:
    """What the transcript says of a command besides its name."""
    match command:
        case Dial():
            return {"to": command.to}
        case Say():
            return {"text": command.text}
        case Play():
            return {"resource_id": command.resource_id}
        case SendDtmf():
            return {"keyed": command.dtmf}
        case _:
            return {}
