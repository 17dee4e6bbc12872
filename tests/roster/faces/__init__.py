"""Tests of enrolment and consent."""
