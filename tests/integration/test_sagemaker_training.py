"""Training jobs through boto3, on a running local AWS."""

from __future__ import annotations

import datetime
import io
import json
import tarfile
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError, WaiterError

from local_aws.containers import why_not_separated
from support.deployed import LocalAws
from support.sagemaker import Workshop


@pytest.fixture(scope="module")
def workshop(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with Workshop(local_aws, "200000000001", tmp_path_factory.mktemp("image")) as made:
        yield made


def artifact(workshop: Workshop, job: str) -> bytes:
    found = workshop.client("s3").get_object(Bucket=workshop.bucket, Key=f"out/{job}/output/model.tar.gz")
    return bytes(found["Body"].read())


def test_trains_on_its_channels_as_its_role_and_leaves_a_model(workshop: Workshop) -> None:
    workshop.train("plain", factor="2")

    job = workshop.trained("plain")

    assert job["TrainingJobStatus"] == "Completed"
    assert (
        job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{workshop.bucket}/out/plain/output/model.tar.gz"
    )
    with tarfile.open(fileobj=io.BytesIO(artifact(workshop, "plain"))) as archive:
        model = archive.extractfile("model.json")
        assert model is not None
        assert json.load(model) == {"factor": 2.0, "rows": ["1,2\n", "3,4\n"], "role": "ASIA"}


def test_goes_through_the_secondary_states_of_aws(workshop: Workshop) -> None:
    workshop.train("states", factor="2")

    transitions = workshop.trained("states")["SecondaryStatusTransitions"]

    assert [one["Status"] for one in transitions] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert all(one["StartTime"] <= one["EndTime"] for one in transitions[:-1])


def test_gives_the_same_training_the_same_bytes(workshop: Workshop) -> None:
    for name in ("first", "second"):
        workshop.train(name, factor="5")
        workshop.trained(name)

    assert artifact(workshop, "first") == artifact(workshop, "second")


def test_says_what_the_program_wrote_about_its_failure(workshop: Workshop) -> None:
    workshop.train("failing", say="the data is empty")

    with pytest.raises(WaiterError):
        workshop.trained("failing")

    job = workshop.sagemaker.describe_training_job(TrainingJobName="failing")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: the data is empty, exit code: 1"


def test_keeps_what_the_program_printed(workshop: Workshop) -> None:
    workshop.train("printing", factor="2")
    workshop.trained("printing")

    assert [event["message"] for event in workshop.printed("printing")] == ["training with ['train']"]


def test_stops_a_job_and_keeps_the_model_it_has_left(workshop: Workshop) -> None:
    workshop.train("stopped", forever="yes")
    workshop.begun("stopped")

    workshop.sagemaker.stop_training_job(TrainingJobName="stopped")

    assert workshop.trained("stopped")["TrainingJobStatus"] == "Stopped"


def test_ends_a_job_that_takes_longer_than_it_may(workshop: Workshop) -> None:
    workshop.train("slow", seconds=1, forever="yes")

    job = workshop.trained("slow")

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert artifact(workshop, "slow")


def members(archive: bytes) -> dict[str, bytes]:
    """The files of a tar.gz."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in opened:
            file = opened.extractfile(member)
            if file is not None:
                found[member.name] = file.read()
    return found


@pytest.mark.parametrize(("isolated", "status"), [(False, "Completed"), (True, "Failed")])
def test_isolates_the_network_when_asked(
    workshop: Workshop, local_aws: LocalAws, isolated: bool, status: str
) -> None:
    if why_not_separated() is not None:
        pytest.skip(str(why_not_separated()))
    name = f"isolated-{isolated}"
    workshop.train(name, isolated=isolated, connect=local_aws.url, factor="1")
    assert workshop.ended(name)["TrainingJobStatus"] == status


def test_refuses_a_second_job_of_the_same_name(workshop: Workshop) -> None:
    workshop.train("unique", factor="2")

    with pytest.raises(ClientError, match="ResourceInUse"):
        workshop.train("unique", factor="2")


def test_refuses_a_channel_that_is_empty(workshop: Workshop) -> None:
    workshop.client("s3").create_bucket(Bucket="nothing-here")
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://nothing-here/data"}
    channel = {"ChannelName": "training", "DataSource": {"S3DataSource": source}}

    with pytest.raises(ClientError, match='No S3 objects found under S3 URL "s3://nothing-here/data"'):
        workshop.train("empty", more={"InputDataConfig": [channel]})


LIST_CHANNELS = """
import json, pathlib
data = pathlib.Path("input/data/")
print(sorted(path.relative_to(data).as_posix() for path in data.rglob("*.csv")))
config = json.load(open("input/config/inputdataconfig.json"))
print(sorted((name, one["TrainingInputMode"]) for name, one in config.items() if name != "code"))
"""


def test_fills_several_channels_each_from_its_source(workshop: Workshop) -> None:
    manifest = [{"prefix": f"s3://{workshop.bucket}/data/"}, "deeper/b.csv"]
    workshop.client("s3").put_object(
        Bucket=workshop.bucket, Key="lists/one.manifest", Body=json.dumps(manifest).encode()
    )
    found = [
        workshop.channel("all", "data/"),
        workshop.channel("listed", "lists/one.manifest", S3DataType="ManifestFile"),
        workshop.channel("streamed", "data/deeper/") | {"InputMode": "FastFile"},
    ]

    workshop.run_script("channels", LIST_CHANNELS, {"InputDataConfig": found})

    assert workshop.trained("channels")["TrainingJobStatus"] == "Completed"
    assert [event["message"] for event in workshop.printed("channels")] == [
        "['all/a.csv', 'all/deeper/b.csv', 'listed/deeper/b.csv', 'streamed/b.csv']",
        "[('all', 'File'), ('listed', 'File'), ('streamed', 'File')]",
    ]


def test_goes_through_uploading_when_it_fails_too(workshop: Workshop) -> None:
    workshop.run_script("failed-late", "import sys; open('model/half', 'w'); sys.exit(3)")

    with pytest.raises(WaiterError):
        workshop.trained("failed-late")

    job = workshop.sagemaker.describe_training_job(TrainingJobName="failed-late")
    assert [one["Status"] for one in job["SecondaryStatusTransitions"]][-3:] == [
        "Training",
        "Uploading",
        "Failed",
    ]
    assert job["FailureReason"].endswith(", exit code: 3")


def test_leaves_its_other_results_beside_the_model_as_files_when_asked(workshop: Workshop) -> None:
    script = "[open(name, 'w').write('1') for name in ('model/a.bin', 'output/data/plot.txt')]"
    output = {"S3OutputPath": f"s3://{workshop.bucket}/out", "CompressionType": "NONE"}

    workshop.run_script("as-files", script, {"OutputDataConfig": output})

    job = workshop.trained("as-files")
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{workshop.bucket}/out/as-files/output/model"
    assert workshop.keys("out/as-files/") == [
        "out/as-files/output/model/a.bin",
        "out/as-files/output/output.tar.gz",
    ]


PRINT_METRICS = """
for epoch, loss in enumerate((0.75, 0.51234)):
    print(f"epoch {epoch}: loss={loss}")
"""


def test_finds_metrics_in_what_is_printed(workshop: Workshop) -> None:
    definitions = [{"Name": "train:loss", "Regex": "loss=([0-9.]+)"}]

    workshop.run_script("measured", PRINT_METRICS, MetricDefinitions=definitions)

    job = workshop.trained("measured")
    assert [(one["MetricName"], one["Value"]) for one in job["FinalMetricDataList"]] == [
        ("train:loss", pytest.approx(0.51234))
    ]
    found = workshop.client("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="train:loss",
        Dimensions=[{"Name": "TrainingJobName", "Value": "measured"}],
        StartTime=job["TrainingStartTime"] - datetime.timedelta(minutes=2),
        EndTime=job["TrainingEndTime"] + datetime.timedelta(minutes=2),
        Period=60,
        Statistics=["Maximum", "SampleCount"],
    )["Datapoints"]
    assert max(one["Maximum"] for one in found) == 0.75
    assert sum(one["SampleCount"] for one in found) == 2


RESUME = """
import json, pathlib, signal, sys
config = json.load(open("input/config/checkpointconfig.json"))
state = pathlib.Path("checkpoints/") / "state"
done = state.read_text() if state.exists() else ""
print("resumes after", repr(done), config["LocalPath"])
def end(*_):
    state.write_text(done + "1+")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
if len(done) < 3:
    state.write_text(done + "1")
    signal.pause()
open("model/done", "w").write(done)
"""


def test_resumes_from_its_checkpoint_when_its_spot_instances_are_taken_away(workshop: Workshop) -> None:
    workshop.set(spot_interruptions={"spotty*": 2})
    checkpoints = f"s3://{workshop.bucket}/checkpoints/spotty"
    workshop.run_script(
        "spotty",
        RESUME,
        {
            "EnableManagedSpotTraining": True,
            "CheckpointConfig": {"S3Uri": checkpoints},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
        },
    )

    job = workshop.trained("spotty")

    assert [one["Status"] for one in job["SecondaryStatusTransitions"]] == [
        *["Starting", "Downloading", "Training", "Interrupted"] * 2,
        *["Starting", "Downloading", "Training", "Uploading", "Completed"],
    ]
    assert job["BillableTimeInSeconds"] <= job["TrainingTimeInSeconds"]
    # What the program saved after SIGTERM was there, too, when it went on.
    assert workshop.read("checkpoints/spotty/state") == b"1+1+"
    assert {event["message"] for event in workshop.printed("spotty")} == {
        f"resumes after {done!r} /opt/ml/checkpoints" for done in ("", "1+", "1+1+")
    }


def test_gives_up_when_spot_instances_come_too_late(workshop: Workshop) -> None:
    workshop.set(spot_interruptions={"late": 1})
    workshop.run_script(
        "late",
        "import signal; signal.pause()",
        {
            "EnableManagedSpotTraining": True,
            "StoppingCondition": {"MaxRuntimeInSeconds": 2, "MaxWaitTimeInSeconds": 2},
        },
    )

    job = workshop.trained("late")

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    assert [one["Status"] for one in job["SecondaryStatusTransitions"]][-2:] == [
        "Stopping",
        "MaxWaitTimeExceeded",
    ]


TALK = """
import json, os, pathlib, socket, time
config = json.load(open("input/config/resourceconfig.json"))
own, data = config["current_host"], pathlib.Path("input/data/training")
files = [path.name for path in data.rglob("*.csv")]
if own == "algo-1":
    with socket.create_server(("", 8080)) as server:
        for _ in config["hosts"][1:]:
            with server.accept()[0] as connection:
                files.append(connection.recv(100).decode())
    open("model/files", "w").write(" ".join(sorted(files)))
else:
    while True:
        try:
            connection = socket.create_connection(("algo-1", 8080))
        except OSError:
            time.sleep(0.01)
            continue
        break
    connection.sendall(" ".join(files).encode())
    open("model/from-" + own, "w")
print(socket.gethostname(), config["hosts"], config["network_interface_name"])
"""


@pytest.mark.parametrize("isolated", [False, True])
def test_trains_on_several_instances_that_find_each_other(workshop: Workshop, isolated: bool) -> None:
    reason = why_not_separated()
    if reason is not None:
        pytest.skip(reason)
    name = f"cluster-{isolated}".lower()
    found = [workshop.channel("training", "data", S3DataDistributionType="ShardedByS3Key")]

    workshop.run_script(
        name,
        TALK,
        {
            "InputDataConfig": found,
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
            "EnableNetworkIsolation": isolated,
        },
    )

    assert workshop.trained(name)["TrainingJobStatus"] == "Completed"
    assert members(artifact(workshop, name)) == {"files": b"a.csv b.csv", "from-algo-2": b""}
    assert sorted(event["message"] for event in workshop.printed(name)) == [
        f"algo-{number} ['algo-1', 'algo-2'] eth0" for number in (1, 2)
    ]


def test_blames_the_instance_that_failed_and_ends_the_others(workshop: Workshop) -> None:
    if why_not_separated() is not None:
        pytest.skip(str(why_not_separated()))
    script = """
import json, signal, sys
if json.load(open("input/config/resourceconfig.json"))["current_host"] == "algo-1":
    signal.pause()
sys.exit("no luck on algo-2")
"""
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    workshop.run_script("half", script, {"ResourceConfig": resources})

    with pytest.raises(WaiterError):
        workshop.trained("half")

    job = workshop.sagemaker.describe_training_job(TrainingJobName="half")
    assert job["FailureReason"] == "AlgorithmError: no luck on algo-2, exit code: 1"


def test_deletes_a_job_only_when_it_has_ended(workshop: Workshop) -> None:
    workshop.train("deleted", forever="yes")
    workshop.begun("deleted")
    with pytest.raises(ClientError, match="ResourceInUse"):
        workshop.sagemaker.delete_training_job(TrainingJobName="deleted")
    workshop.sagemaker.stop_training_job(TrainingJobName="deleted")
    workshop.trained("deleted")

    workshop.sagemaker.delete_training_job(TrainingJobName="deleted")

    with pytest.raises(ClientError, match="Requested resource not found"):
        workshop.sagemaker.describe_training_job(TrainingJobName="deleted")


def test_fails_as_the_settings_say(workshop: Workshop) -> None:
    workshop.set(failures=[{"family": "TrainingJob", "name": "doomed", "reason": "CapacityError: none left"}])
    workshop.train("doomed", factor="1")

    with pytest.raises(WaiterError):
        workshop.trained("doomed")

    job = workshop.sagemaker.describe_training_job(TrainingJobName="doomed")
    assert job["FailureReason"] == "CapacityError: none left"


def test_refuses_an_image_that_nobody_pushed(workshop: Workshop) -> None:
    workshop.client("ecr").create_repository(repositoryName="bare")

    with pytest.raises(ClientError, match=r"Requested image .*/bare:none not found.*comes to the local AWS"):
        workshop.sagemaker.create_model(
            ModelName="bare",
            ExecutionRoleArn=workshop.role,
            PrimaryContainer={"Image": workshop.image.replace("tiny:one", "bare:none")},
        )
