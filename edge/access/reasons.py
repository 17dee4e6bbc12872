"""Every reason a decision can have, in one place. The first group lets a person pass, the second does not."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why somebody may or may not pass. Shown by `why`, sent as `reason`."""

    GRANTED = "granted"
    EXIT_ALWAYS = "exit_always"  # an exit releases for anybody who asks
    REX = "rex"
    GUARD = "guard"
    CONTROLLER = "controller"  # the controller let them pass by its own table

    UNKNOWN_CREDENTIAL = "unknown_credential"
    MISREAD = "misread"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    NO_RULE = "no_rule"
    WRONG_TIME = "wrong_time"
    LOCKED_DOWN = "locked_down"
    VISIT_USED_UP = "visit_used_up"
    NEEDS_SECOND_FACTOR = "needs_second_factor"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    CONTROLLER_REFUSED = "controller_refused"  # by its own table or rules, while nobody asked the roster

    @property
    def grants(self) -> bool:
        """Whether this reason opens."""
        return self in {Reason.GRANTED, Reason.EXIT_ALWAYS, Reason.REX, Reason.GUARD, Reason.CONTROLLER}


class GuardReason(StrEnum):
    """Why a guard opened; codes and not words, so that no name is ever written into an event."""

    FORGOT_CARD = "forgot_card"
    CARD_FAULT = "card_fault"
    VISITOR = "visitor"
    DELIVERY = "delivery"
    SERVICE = "service"
    EMERGENCY = "emergency"
    DOOR_FAULT = "door_fault"
    DESK_BUTTON = "desk_button"  # the button on the guard's desk, which cannot say more
    OTHER = "other"


class ViewReason(StrEnum):
    """Why somebody looked at people's data; codes and not words, as for GuardReason."""

    SERVICE = "service"  # installing or mending
    ROSTER_WORK = "roster_work"
    RESIDENT_ASKED = "resident_asked"
    INSPECTION = "inspection"
    OTHER = "other"
