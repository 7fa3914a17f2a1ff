"""docker/ as data: no secret, nothing open to the network, everything pinned and watched, and told what it needs."""

import re
import subprocess

import pytest

from tests.compose import COMPOSE, REPOSITORY, as_written, services, variables, waits_for_its_end

DOCKER = COMPOSE.parent
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
SERVICES = as_written()["services"]
FILLED = services({name: "given" for name, how in variables().items() if how == ":?"})
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY", re.IGNORECASE)
INSTRUCTIONS = [
    line.split(maxsplit=1)
    for line in re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    if line.strip()
]


def of(kind: str) -> list[str]:
    return [rest for name, rest in INSTRUCTIONS if name == kind]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_stays_is_watched(name: str) -> None:
    service = SERVICES[name]
    if waits_for_its_end(name, SERVICES):
        assert service["restart"] == "no"
    else:
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_others_are_waited_for_until_they_can_answer(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        once = waits_for_its_end(other, SERVICES)
        assert how["condition"] == ("service_completed_successfully" if once else "service_healthy")


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_ours_run_with_few_rights(name: str) -> None:
    service = SERVICES[name]
    if "build" in service:
        assert (service["image"], service["cap_drop"]) == ("finetrail:local", ["ALL"])
        assert (
            DOCKER / service["build"]["context"] / service["build"]["dockerfile"]
        ).resolve() == DOCKER / "Dockerfile"
    else:
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+)?(-\w+)?", service["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_alone(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)
    assert name != "postgres" or not ports


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_stands_in_the_file(name: str) -> None:
    for key, value in SERVICES[name].get("environment", {}).items():
        if SECRET.search(key):
            assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), key
        assert not re.search(r"://[^/${}]+:[^$][^/]*@", value), key
    assert not any(SECRET.search(word) for word in SERVICES[name].get("command", []))


def test_the_example_lists_each_variable_and_gives_no_value() -> None:
    lines = (DOCKER / ".env.example").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(given) == set(variables())
    assert set(given.values()) == {""}
    ignored = subprocess.run(["git", "check-ignore", "--quiet", "docker/.env"], cwd=REPOSITORY, check=False)
    assert ignored.returncode == 0


def test_the_worker_is_told_all_that_a_flow_reads() -> None:
    code = (REPOSITORY / "flows" / "places.py").read_text(encoding="utf-8")
    read = set(re.findall(r'os\.environ\.get\("(\w+)"', code))
    assert len(read) > 4
    assert read <= set(FILLED["worker"]["environment"])


def test_every_volume_is_kept_and_every_mounted_folder_is_there() -> None:
    mounted = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    named = {one for one in mounted if not one.startswith(".")}
    assert named == set(as_written()["volumes"])
    assert all((DOCKER / one).is_dir() for one in set(mounted) - named)


def test_the_image_runs_as_a_user_of_its_own_and_says_how_it_is() -> None:
    assert of("USER") == ["finetrail"]
    assert "--uid" in DOCKERFILE
    assert len(of("HEALTHCHECK")) == 1
    assert of("CMD")[-1].split('"')[1::2] == FILLED["worker"]["command"]


def test_the_image_is_pinned_and_built_from_the_lock_with_hashes() -> None:
    bases = {line.split()[0] for line in of("FROM")}
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base) for base in bases)
    assert len(bases) == 1
    installs = [part for line in of("RUN") for part in re.findall(r"pip install[^;&|]*", line)]
    assert installs
    others = [one for one in installs if "--require-hashes" not in one and '"$@"' not in one]
    assert [re.search(r"--torch-backend|--no-deps \.", one) is not None for one in others] == [True, True]
    assert "set -- --require-hashes --constraints requirements.lock" in DOCKERFILE


def test_no_secret_gets_into_a_layer() -> None:
    for line in (*of("ARG"), *of("ENV")):
        assert not SECRET.search(line)
    ignore = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert next(line for line in ignore if not line.startswith("#")) == "*"
    assert ignore.index("**/.env*") > ignore.index("!docker")


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    ignore = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [name for line in of("COPY") if "--from" not in line for name in line.split()[:-1]]
    assert copied
    for name in copied:
        assert (REPOSITORY / name).exists()
        assert f"!{name}" in ignore
