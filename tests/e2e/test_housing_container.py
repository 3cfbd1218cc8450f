"""The housing container's two executables, run as SageMaker runs them, over real files and real HTTP."""

from __future__ import annotations

import csv
import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

from support.processes import free_port

ROOT = Path(__file__).parents[2]
HOUSING = ROOT / "workloads" / "housing"
CONTAINER = HOUSING / "container"
DIABETES = HOUSING / "data" / "diabetes.csv"
TARGET = {"target": "target"}

HOMES = """size,town,"garden, in m2",rooms,price
50,Abergavenny,10,2,100
60,"Bree, upper",NA,2,125
70,Abergavenny,,3,140
80,"Bree, upper",40,3,185
90,Abergavenny,0,4,180
100,Abergavenny,20,4,205
"""
"""A text column, a number column with gaps, quoted names and texts."""


@dataclass(frozen=True)
class Job:
    """A finished `train` and the folder it had for /opt/ml."""

    base: Path
    exit_code: int
    log: str

    @property
    def failure(self) -> str:
        return (self.base / "output" / "failure").read_text(encoding="utf-8")

    @property
    def model(self) -> Path:
        return self.base / "model" / "model.joblib"


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    headers: Mapping[str, str]

    @property
    def predictions(self) -> list[float]:
        assert self.status == 200, self.body
        return [float(line) for line in self.body.splitlines()]


@dataclass(frozen=True)
class Server:
    port: int

    def send(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.read().decode(), dict(response.getheaders()))
        finally:
            connection.close()

    def predict(self, rows: bytes | str, content_type: str = "text/csv", **headers: str) -> Answer:
        return self.send("POST", "/invocations", rows, {"Content-Type": content_type, **headers})


def surroundings(base: Path, **more: str) -> dict[str, str]:
    # the executables ask for python3: it is the one that runs the tests
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "SAGEMAKER_BASE_DIR": str(base), **more}


def train(base: Path, files: Mapping[str, str | bytes], told: object = None) -> Job:
    channel = base / "input" / "data" / "training"
    channel.mkdir(parents=True)
    for name, content in files.items():
        (channel / name).write_bytes(content.encode() if isinstance(content, str) else content)
    (base / "input" / "config").mkdir()
    (base / "input" / "config" / "hyperparameters.json").write_text(json.dumps(told or {}))
    result = subprocess.run(
        [CONTAINER / "train"],
        env=surroundings(base),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Job(base, result.returncode, result.stdout)


@contextmanager
def serving(base: Path) -> Iterator[Server]:
    port = free_port()
    environment = surroundings(base, CLARY_BIND_HOST="127.0.0.1", SAGEMAKER_BIND_TO_PORT=str(port))
    with subprocess.Popen(
        [CONTAINER / "serve"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"serving on 127.0.0.1:{port}\n"
            yield Server(port)
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0


def refused_start(base: Path, **environment: str) -> str:
    result = subprocess.run(
        [CONTAINER / "serve"],
        env=surroundings(base, CLARY_BIND_HOST="127.0.0.1", **environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    return result.stderr


@pytest.fixture(scope="module")
def diabetes(tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = train(tmp_path_factory.mktemp("diabetes"), {"diabetes.csv": DIABETES.read_bytes()}, TARGET)
    assert job.exit_code == 0, job.log
    return job


@pytest.fixture(scope="module")
def server(diabetes: Job) -> Iterator[Server]:
    with serving(diabetes.base) as server:
        yield server


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Job:
    told = {"target": "price", "normalize": "True", "test-size": "0.3", "random-state": "1"}
    job = train(tmp_path_factory.mktemp("homes"), {"homes.csv": HOMES}, told)
    assert job.exit_code == 0, job.log
    return job


@pytest.fixture(scope="module")
def homes_server(homes: Job) -> Iterator[Server]:
    with serving(homes.base) as server:
        yield server


def features_and_target(path: Path, target: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The rows as they are sent, and as numbers."""
    with path.open(newline="") as stream:
        header, *records = list(csv.reader(stream))
    at = header.index(target)
    rows = [record[:at] + record[at + 1 :] for record in records]
    lines = [",".join(row) for row in rows]
    return lines, np.array(rows, dtype=float), np.array([float(record[at]) for record in records])


def least_squares(features: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """All rows' predictions and the held-out error, by the normal way: fit on nine tenths, seed 123."""
    with_one = np.column_stack([features, np.ones(len(features))])
    learned, held_out, learned_target, held_out_target = train_test_split(
        with_one, target, test_size=0.1, random_state=123
    )
    weights, *_ = np.linalg.lstsq(learned, learned_target, rcond=None)
    error = float(np.sqrt(np.mean((held_out @ weights - held_out_target) ** 2)))
    return with_one @ weights, error


# the data


def test_data_is_what_its_script_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, HOUSING / "make_data.py", tmp_path], check=True)

    assert (tmp_path / "diabetes.csv").read_bytes() == DIABETES.read_bytes()


def test_example_of_the_local_environment_is_the_first_row_of_the_data() -> None:
    environment = yaml.safe_load((ROOT / "environments" / "local.yaml").read_text(encoding="utf-8"))

    lines, _, _ = features_and_target(DIABETES, "target")

    assert environment["models"]["housing"]["api"]["example"] == lines[0]


def test_image_installs_the_versions_that_the_repository_tests_with() -> None:
    tested = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    installed = (CONTAINER / "requirements.txt").read_text(encoding="utf-8").splitlines()

    pins = [line for line in installed if not line.startswith("#")]

    assert len(pins) > 10
    assert [pin for pin in pins if pin not in tested] == []


# training


def test_predicts_as_least_squares_does(server: Server) -> None:
    lines, features, target = features_and_target(DIABETES, "target")
    expected, _ = least_squares(features, target)

    answer = server.predict("\n".join(lines) + "\n")

    assert answer.predictions == pytest.approx(list(expected), rel=1e-9)


def test_logs_the_held_out_error_in_a_fixed_form(diabetes: Job) -> None:
    _, features, target = features_and_target(DIABETES, "target")
    _, error = least_squares(features, target)

    logged = re.search(r"^rmse=(\S+)$", diabetes.log, re.MULTILINE)

    assert logged is not None
    assert float(logged[1]) == pytest.approx(error, abs=1e-6)
    assert re.search(r"^r2=0\.\d{6}$", diabetes.log, re.MULTILINE)
    assert re.search(r"^mae=\d+\.\d{6}$", diabetes.log, re.MULTILINE)


def test_normalizing_changes_the_weights_and_not_the_predictions(diabetes: Job, tmp_path: Path) -> None:
    job = train(tmp_path, {"diabetes.csv": DIABETES.read_bytes()}, {**TARGET, "normalize": "true"})
    frame = pd.read_csv(DIABETES).drop(columns="target")
    plain, normalized = joblib.load(diabetes.model), joblib.load(job.model)

    assert "standardize" in str(normalized)
    assert normalized.predict(frame) == pytest.approx(plain.predict(frame), rel=1e-9)
    assert normalized["regression"].coef_ != pytest.approx(plain["regression"].coef_, rel=1e-3)


def test_model_is_a_pipeline_that_scikit_learn_users_can_load(diabetes: Job, server: Server) -> None:
    pipeline = joblib.load(diabetes.model)
    lines, _, _ = features_and_target(DIABETES, "target")

    predictions = pipeline.predict(pd.read_csv(DIABETES).drop(columns="target"))

    assert server.predict("\n".join(lines)).predictions == pytest.approx(list(predictions), rel=1e-9)


def test_training_twice_gives_the_same_bytes(diabetes: Job, tmp_path: Path) -> None:
    job = train(tmp_path, {"diabetes.csv": DIABETES.read_bytes()}, TARGET)

    assert job.model.read_bytes() == diabetes.model.read_bytes()


def test_takes_texts_and_gaps_as_its_pipeline_does(homes: Job, homes_server: Server) -> None:
    frame = pd.DataFrame(
        {
            "size": [55.0, 65.0, 75.0],
            "town": ["Bree, upper", "Abergavenny", "Bree, upper"],
            "garden, in m2": [15.0, np.nan, np.nan],
            "rooms": [2.0, 3.0, 3.0],
        }
    )

    answer = homes_server.predict('55,"Bree, upper",15,2\r\n65,Abergavenny,,3\r\n75,"Bree, upper",NA,3\r\n')

    assert answer.predictions == pytest.approx(list(joblib.load(homes.model).predict(frame)), rel=1e-9)


def test_reads_what_spreadsheets_write_in_several_files(homes: Job, tmp_path: Path) -> None:
    lines = HOMES.splitlines(keepends=True)
    with_mark = b"\xef\xbb\xbf" + "".join(lines[:4]).replace("\n", "\r\n").encode()
    told = {"target": "price", "normalize": "True", "test-size": "0.3", "random-state": "1"}

    job = train(tmp_path, {"a.csv": with_mark, "b.csv": "".join([lines[0], *lines[4:], "\n"])}, told)

    assert job.exit_code == 0, job.log
    assert job.model.read_bytes() == homes.model.read_bytes()


def test_files_may_have_their_columns_in_another_order(homes: Job, tmp_path: Path) -> None:
    lines = HOMES.splitlines(keepends=True)
    header, *rows = csv.reader(lines[:1] + lines[4:])
    turned = "\n".join(",".join(f'"{field}"' for field in reversed(row)) for row in [header, *rows])
    told = {"target": "price", "normalize": "True", "test-size": "0.3", "random-state": "1"}

    job = train(tmp_path, {"a.csv": "".join(lines[:4]), "b.csv": turned}, told)

    assert job.exit_code == 0, job.log
    assert job.model.read_bytes() == homes.model.read_bytes()


def test_a_text_that_only_the_held_out_part_has_is_no_error(tmp_path: Path) -> None:
    rows = "".join(f"{size},t{size},{size * 2}\n" for size in range(12))

    job = train(tmp_path, {"homes.csv": f"size,town,price\n{rows}"}, {"target": "price"})

    assert job.exit_code == 0, job.log


@pytest.mark.parametrize(
    ("files", "told", "message"),
    [
        ({}, {}, "no *.csv file in"),
        ({"notes.txt": "a"}, {}, "which holds notes.txt: give a channel named 'training'"),
        ({"a.csv": ""}, {}, "a.csv is empty, give a header and rows"),
        ({"a.csv": "x,medv\n"}, {}, "hold a header and no row"),
        (
            {"a.csv": "x,y\n1,2\n"},
            {},
            "no column 'medv' to predict, name one in the hyperparameter 'target': x, y",
        ),
        ({"a.csv": "x;medv\n1;2\n"}, {}, "separated by commas?"),
        ({"a.csv": "medv\n1\n"}, {}, "'medv' is the only column"),
        ({"a.csv": "x,medv\n1,2\n1,two\n"}, {}, "a.csv line 3, column 'medv': 'two' is not a number"),
        ({"a.csv": "x,medv\n1,2\n1,\n"}, {}, "a.csv line 3: the target 'medv' has no value"),
        ({"a.csv": "x,medv\n1,2\n1,inf\n"}, {}, "'inf' is not a finite decimal number"),
        ({"a.csv": "x,x,medv\n1,2,3\n"}, {}, "two columns named 'x'"),
        ({"a.csv": "x,,medv\n1,2,3\n"}, {}, "no name for column 2"),
        ({"a.csv": "x,medv\n1,2\n1,2,3\n"}, {}, "a.csv line 3 has 3 fields, and the header has 2"),
        ({"a.csv": 'x,medv\n1,2\n"1,2\n'}, {}, "is not CSV"),
        ({"a.csv": b"x,medv\n\xff,2\n"}, {}, "a.csv is not UTF-8"),
        ({"a.csv": "x,medv\n,1\nNA,2\n"}, {}, "column 'x' holds no value at all"),
        ({"a.csv": "x,medv\n1,2\n", "b.csv": "y,medv\n1,2\n"}, {}, "b.csv has the columns 'y', 'medv'"),
        (
            {"a.csv": "x,medv\n1,2\n3,4\n"},
            {},
            "2 rows with a test-size of 0.1 leave 1 to learn from and 1 to hold",
        ),
        (
            {"a.csv": "x,medv\n" + "".join(f"id-{row},{row}\n" for row in range(101))},
            {},
            "'id-0' is not a number; taken as a text column it has 101 different texts, and 100 is the most",
        ),
        ({}, {"test_size": "0.1"}, "no hyperparameter 'test_size', did you mean 'test-size'?"),
        (
            {},
            {"depth": "5"},
            "no hyperparameter 'depth', choose from: normalize, random-state, target, test-size",
        ),
        ({}, {"test-size": "1"}, "'test-size' is '1', give a fraction between 0 and 1"),
        ({}, {"test-size": "nan"}, "'test-size' is 'nan'"),
        ({}, {"random-state": "-1"}, "'random-state' is '-1', give an integer from 0"),
        ({}, {"normalize": "yes"}, "'normalize' is 'yes', choose one of: true, false"),
        ({}, {"normalize": True}, "'normalize' is true, give a string"),
        ({}, {"target": " "}, "'target' is empty"),
        (
            {},
            {"normalize": "yes", "test-size": "2"},
            "choose one of: true, false; hyperparameter 'test-size'",
        ),
        ({}, ["target"], "holds a list, give an object of strings"),
    ],
)
def test_says_why_it_cannot_train(
    tmp_path: Path, files: Mapping[str, str | bytes], told: object, message: str
) -> None:
    job = train(tmp_path, files, told)

    assert job.exit_code == 1
    assert message in job.failure
    assert job.failure in job.log
    assert not job.model.exists()


# serving


def test_is_healthy_once_it_serves(server: Server) -> None:
    assert server.send("GET", "/ping").status == 200


def test_answers_one_line_of_csv_a_row(server: Server) -> None:
    lines, _, _ = features_and_target(DIABETES, "target")

    answer = server.predict(
        f"{lines[0]}\n{lines[1]}\n", "Text/CSV; charset=UTF-8", Accept="text/*;q=0.5, */*;q=0.1"
    )

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r"(\d+\.\d+\n){2}", answer.body)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\r", "\n\n"])
def test_takes_a_row_with_any_line_end(server: Server, ending: str) -> None:
    row = features_and_target(DIABETES, "target")[0][0]

    assert server.predict(row + ending).body == server.predict(row).body


def test_takes_quoted_fields_spaces_and_a_byte_order_mark(server: Server) -> None:
    row = features_and_target(DIABETES, "target")[0][0]
    quoted = ", ".join(f'"{field}"' if index == 0 else field for index, field in enumerate(row.split(",")))

    assert server.predict(b"\xef\xbb\xbf" + quoted.encode()).body == server.predict(row).body


def good(age: str = "59", bmi: str = "32.1") -> str:
    """A row that is right but for the fields given."""
    return f"{age},2,{bmi},101,157,93.2,38,4,4.8598,87"


GOOD = good()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "the body is empty"),
        (" \r\n", "the body is empty"),
        (f"{GOOD}\n\n{GOOD}", "row 2: the line is empty"),
        (f"{GOOD}\n{GOOD},1", "row 2: 11 columns, give 10: age,sex,bmi,bp,s1,s2,s3,s4,s5,s6"),
        ("1", "row 1: 1 columns, give 10"),
        (good("old"), "row 1: column 'age': 'old' is not a number"),
        ("age,sex,bmi,bp,s1,s2,s3,s4,s5,s6\n" + GOOD, "send rows without the header"),
        (good("NaN"), "row 1: column 'age': a value is missing"),
        (good(""), "row 1: column 'age': a value is missing"),
        (good("-inf"), "'-inf' is not a finite decimal number"),
        (good("1e999"), "'1e999' is not a finite decimal number"),
        (good("1_000"), "'1_000' is not a finite decimal number"),
        (good("1e308", bmi="1e308"), "row 1: the prediction overflows"),
        (good("x" * 5000), "'" + "x" * 40 + "…' is not a number"),
        (good("\0"), "is not a number"),
        (f'{GOOD}\n"59', "row 2: not CSV"),
        (b"\xff\xfe" + GOOD.encode("utf-16-le"), "the body is not UTF-8"),
        (b"\xed\xa0\x80," + GOOD.encode(), "the body is not UTF-8"),
        (f"{GOOD}\n" * 10_001, "more than 10000 rows"),
    ],
)
def test_says_which_row_it_cannot_answer(server: Server, body: str | bytes, message: str) -> None:
    answer = server.predict(body)

    assert (answer.status, answer.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert message in answer.body
    assert len(answer.body) < 300


@pytest.mark.parametrize(
    "content_type", ["application/json", "", "text/plain", "text/csv; charset=utf-16", "text/csvx"]
)
def test_names_the_type_that_it_takes(server: Server, content_type: str) -> None:
    answer = server.predict(GOOD, content_type)

    assert answer.status == 415
    assert "send text/csv" in answer.body


@pytest.mark.parametrize("accept", ["application/json", "text/csv;q=0"])
def test_refuses_to_answer_in_another_type(server: Server, accept: str) -> None:
    answer = server.predict(GOOD, Accept=accept)

    assert answer.status == 406
    assert "text/csv is what there is" in answer.body


def test_refuses_a_body_over_the_size_that_sagemaker_passes_on(server: Server) -> None:
    answer = server.predict(b"1" * (6 * 1024 * 1024 + 1))

    assert answer.status == 413
    assert "send at most 6291456" in answer.body


def test_takes_a_chunked_body(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        halves = iter([GOOD[:10].encode(), GOOD[10:].encode()])
        connection.request("POST", "/invocations", halves, {"Content-Type": "text/csv"}, encode_chunked=True)
        assert connection.getresponse().read().decode() == server.predict(GOOD).body
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/invocations", 405), ("POST", "/ping", 405), ("GET", "/", 404)]
)
def test_has_two_routes_and_no_page(server: Server, method: str, path: str, status: int) -> None:
    answer = server.send(method, path)

    assert answer.status == status
    assert "<" not in answer.body


def test_names_the_texts_it_knows(homes_server: Server) -> None:
    answer = homes_server.predict("55,Ystrad,15,2")

    assert answer.status == 400
    assert "row 1: column 'town': 'Ystrad' was not in the training data" in answer.body
    assert "choose one of: 'Abergavenny', 'Bree, upper'" in answer.body


def test_answers_parallel_requests_each_with_its_own(server: Server) -> None:
    lines, _, _ = features_and_target(DIABETES, "target")
    alone = server.predict("\n".join(lines[:200])).body.splitlines()

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(server.predict, lines[:200]))

    assert [answer.body.rstrip() for answer in answers] == alone


def test_serves_an_estimator_that_a_notebook_saved(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    frame = pd.DataFrame({"x": [0.0, 1.0, 2.0], "y": [1.0, 0.0, 1.0]})
    joblib.dump(LinearRegression().fit(frame, [1.0, 3.0, 5.0]), tmp_path / "model" / "model.joblib")

    with serving(tmp_path) as server:
        assert server.predict("3,0\n4,1").predictions == pytest.approx([7.0, 9.0])
        assert "row 2: 1 columns, give 2" in server.predict("3,0\n4").body
        assert "row 1: 'a' is not a number" in server.predict("a,0").body


def test_serves_the_model_file_when_it_was_changed_after_training(diabetes: Job, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "scoring.json").write_bytes((diabetes.model.parent / "scoring.json").read_bytes())
    joblib.dump(LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0]), tmp_path / "model" / "model.joblib")

    with serving(tmp_path) as server:
        assert server.predict("2").predictions == pytest.approx([5.0])


def test_does_not_start_without_a_model(tmp_path: Path) -> None:
    assert f"cannot serve: no model at {tmp_path}/model/model.joblib" in refused_start(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a pickle"])
def test_does_not_start_with_a_broken_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.joblib").write_bytes(content)

    assert "model.joblib is not a fitted scikit-learn regressor" in refused_start(tmp_path)


def test_does_not_start_on_a_bad_port(diabetes: Job) -> None:
    message = refused_start(diabetes.base, SAGEMAKER_BIND_TO_PORT="http")

    assert "SAGEMAKER_BIND_TO_PORT is 'http', give a port from 1 to 65535" in message


# the reference of the field's textbooks: the Boston housing data, which is not the project's to ship


@pytest.mark.skipif("BOSTON_HOUSING_CSV" not in os.environ, reason="BOSTON_HOUSING_CSV names no file")
def test_answers_the_textbook_reference(tmp_path: Path) -> None:
    boston = Path(os.environ["BOSTON_HOUSING_CSV"])
    lines, _, _ = features_and_target(boston, "medv")

    job = train(tmp_path, {"housing.csv": boston.read_bytes()}, {"test-size": "0.1", "random-state": "123"})

    assert "rmse=6.466593" in job.log
    with serving(tmp_path) as server:
        assert server.predict("\n".join(lines[:2])).predictions == pytest.approx([29.8014, 24.9908], abs=5e-5)
