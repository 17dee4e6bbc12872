"""What happened?"""

from edge.journal.acks import Ack
from edge.journal.chain import ChainBreak, ChainReport, ChainWalk
from edge.journal.faults import JournalInUse
from edge.journal.health import JournalHealth
from edge.journal.journal import Journal, last_certain_time, last_leap, last_trusted_time, last_written_time
from edge.journal.opened import Opened
from edge.journal.receipt import Receipt
from edge.journal.record import ALG, Record
from edge.journal.settings import JournalSettings

__all__ = [
    "ALG",
    "Ack",
    "ChainBreak",
    "ChainReport",
    "ChainWalk",
    "Journal",
    "JournalHealth",
    "JournalInUse",
    "JournalSettings",
    "Opened",
    "Receipt",
    "Record",
    "last_certain_time",
    "last_leap",
    "last_trusted_time",
    "last_written_time",
]
