#!/usr/bin/env python3
"""AWS on one machine: ministack, with corrections where it differs from AWS in a way that matters to this project.

It serves every AWS API that the template uses on one port, deploys the template through CloudFormation, and runs
the real `bootstrap` binaries as processes: one per concurrent invocation, kept warm, replaced when they die.
All state is in memory and is gone when the process ends.

These invariants hold for the version that requirements.txt pins:
- it listens on loopback, with made-up credentials, whatever the caller's environment says;
- a function sees the variables AWS would give it and those of the template, not those of this process;
- requests, bodies and secrets are never logged.

The comment of each correction below names the gap in ministack ("Gap: ..."). Deliberately absent: corrections of
anything that the template does not use.

Environment:
  EMULATOR_HOST            the address to listen on                                127.0.0.1
  EMULATOR_PORT            one port for all services                               4574
  EMULATOR_REGION          the only region that is used                            us-east-1
  EMULATOR_AUTH            true: every call is checked against the caller's role, so a
                           permission the template lacks is missed here and not on AWS;
                           callers outside then sign with local / local              false
  EMULATOR_LOG_LEVEL       DEBUG, INFO, WARNING or ERROR; INFO shows functions'
                           output where a queue or a stream invoked them           WARNING
  EMULATOR_MAX_PROCESSES   function processes at once over all functions; beyond
                           it an invocation is throttled, as on AWS                by memory
  EMULATOR_RETRY_SECONDS   first pause before a stream batch is retried; doubles   0.1
  EMULATOR_TICK_SECONDS    how often the scheduler looks for schedules to start    1
  EMULATOR_PASS            names of variables that functions inherit, by comma     (none)
"""

import contextlib
import os
import sys

HOST = os.environ.get("EMULATOR_HOST", "127.0.0.1")
PORT = int(os.environ.get("EMULATOR_PORT", "4574"))
REGION = os.environ.get("EMULATOR_REGION", "us-east-1")
RETRY_SECONDS = float(os.environ.get("EMULATOR_RETRY_SECONDS", "0.1"))
TICK_SECONDS = float(os.environ.get("EMULATOR_TICK_SECONDS", "1"))
PASSED_ON = [name for name in os.environ.get("EMULATOR_PASS", "").split(",") if name]

RETRY_PAUSE_LIMIT = 5.0
STREAM_READ_LIMIT = 1_000
IDLE_SECONDS = 0.1
PF_EXITING = 0x4  # Linux: the process is on its way out


def settle_environment() -> None:
    """Sets the variables that ministack reads while it is imported, and removes real credentials."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        GATEWAY_PORT=str(PORT),
        BIND_HOST=HOST,
        MINISTACK_HOST=HOST,
        MINISTACK_REGION=REGION,
        AWS_DEFAULT_REGION=REGION,
        AWS_REGION=REGION,
        AWS_ENDPOINT_URL=f"http://{HOST}:{PORT}",
        AWS_ACCESS_KEY_ID="local",
        AWS_SECRET_ACCESS_KEY="local",
        # Never empty: an empty token is signed by some SDKs and left out by others.
        AWS_SESSION_TOKEN="local",
        AUTH=os.environ.get("EMULATOR_AUTH", "false"),
        LOG_LEVEL=os.environ.get("EMULATOR_LOG_LEVEL", "WARNING").upper(),
        PERSIST_STATE="0",
        S3_PERSIST="0",
    )
    if "EMULATOR_MAX_PROCESSES" in os.environ:
        os.environ["LAMBDA_ACCOUNT_CONCURRENCY"] = os.environ["EMULATOR_MAX_PROCESSES"]


settle_environment()

# The imports below read the environment settled above.
import functools
import json
import logging
import queue
import re
import signal
import socketserver
import threading
import time
import zlib
from collections import deque
from pathlib import Path

# At each start ministack would log a line about KMS, which nothing here uses.
logging.getLogger("kms").setLevel(logging.ERROR)

from ministack.core import iam_actions, lambda_runtime
from ministack.services import apigateway, dynamodb, eventbridge, lambda_svc, scheduler, sqs
from ministack.services.cloudformation import provisioners

log = logging.getLogger("emulator")


# ------------------------------------------------------------------ CloudFormation


def after_provisioning(resource_type: str, do) -> None:
    """Calls do(physical_id, properties) whenever a stack has created or updated a resource of this type."""
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]
    for step, properties_at in (("create", 1), ("update", 2)):
        handler = handlers.get(step)
        if handler is None:
            continue

        @functools.wraps(handler)
        def wrapped(*args, _handler=handler, _at=properties_at, **kwargs):
            outcome = _handler(*args, **kwargs)
            do(outcome[0], args[_at])
            return outcome

        handlers[step] = wrapped


def add_routes_of_body(api_id: str, properties: dict) -> None:
    """Gap: the routes SAM writes into an HTTP API's OpenAPI body are ignored, so every call answers 404."""
    paths = (properties.get("Body") or {}).get("paths") or {}
    if not paths:
        return
    apigateway._routes[api_id], apigateway._integrations[api_id] = {}, {}
    for path, operations in paths.items():
        for method, operation in operations.items():
            integration = isinstance(operation, dict) and operation.get("x-amazon-apigateway-integration")
            if not integration:
                continue
            function_arn = re.search(r"functions/(arn:[^/]+)/invocations", integration["uri"]).group(1)
            _, _, created = apigateway._create_integration(
                api_id,
                {
                    "integrationType": "AWS_PROXY",
                    "integrationUri": function_arn,
                    "payloadFormatVersion": integration.get("payloadFormatVersion", "2.0"),
                    "timeoutInMillis": integration.get("timeoutInMillis", 30_000),
                },
            )
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            apigateway._create_route(
                api_id,
                {
                    "routeKey": "$default" if path == "/$default" else f"{verb} {path}",
                    "target": "integrations/" + json.loads(created)["integrationId"],
                },
            )


def set_time_to_live(table_name: str, properties: dict) -> None:
    """Gap: a table's TimeToLiveSpecification is ignored, so nothing ever expires."""
    wanted = properties.get("TimeToLiveSpecification")
    if wanted:
        enabled = str(wanted.get("Enabled", True)).lower() == "true"
        dynamodb._update_ttl(
            {
                "TableName": table_name,
                "TimeToLiveSpecification": {"AttributeName": wanted["AttributeName"], "Enabled": enabled},
            }
        )


def accept_metric_math() -> None:
    """Gap: an alarm on an expression rolls the stack back. Alarms never fire here, so an
    empty alarm replaces it."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"]
    create, update = handlers["create"], handlers.get("update")

    def placeholder(logical_id: str, stack_name: str):
        name = f"{stack_name}-{logical_id}"
        return name, {"Arn": f"arn:aws:cloudwatch:{REGION}:000000000000:alarm:{name}"}

    def create_alarm(logical_id, properties, stack_name):
        if properties.get("Metrics"):
            return placeholder(logical_id, stack_name)
        return create(logical_id, properties, stack_name)

    def update_alarm(physical_id, old, new, stack_name, *rest, **more):
        if new.get("Metrics"):
            return physical_id, {"Arn": f"arn:aws:cloudwatch:{REGION}:000000000000:alarm:{physical_id}"}
        return update(physical_id, old, new, stack_name, *rest, **more)

    handlers["create"] = create_alarm
    if update is not None:
        handlers["update"] = update_alarm


def accept_bus_policies() -> None:
    """Gap: a policy of an event bus rolls the stack back. The roles decide here who may put events, so nothing replaces it."""
    provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = {
        "create": lambda logical_id, properties, stack_name: (f"{stack_name}-{logical_id}", {}),
        "update": lambda physical_id, *changes, **more: (physical_id, {}),
        "delete": lambda physical_id, properties: None,
    }


# ------------------------------------------------------------------ functions


def function_environment(config: dict, code_dir: str, port: int) -> dict:
    """Gap: functions inherit every variable of the emulator's process, and none of the log settings AWS gives."""
    logging_config = config.get("LoggingConfig") or {}
    environment = {name: os.environ[name] for name in ("PATH", "TMPDIR", *PASSED_ON) if name in os.environ}
    environment.update(lambda_svc._runtime_env_vars(config))
    environment.update(lambda_runtime.execution_credentials(config))
    environment.update(
        AWS_ENDPOINT_URL=os.environ["AWS_ENDPOINT_URL"],
        AWS_REGION=REGION,
        AWS_DEFAULT_REGION=REGION,
        AWS_EXECUTION_ENV=f"AWS_Lambda_{config.get('Runtime', 'provided.al2023')}",
        AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{port}",
        AWS_LAMBDA_INITIALIZATION_TYPE="on-demand",
        AWS_LAMBDA_FUNCTION_NAME=config["FunctionName"],
        AWS_LAMBDA_FUNCTION_VERSION=config.get("Version", "$LATEST"),
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE=str(config.get("MemorySize", 128)),
        AWS_LAMBDA_LOG_FORMAT=logging_config.get("LogFormat", "Text"),
        AWS_LAMBDA_LOG_GROUP_NAME=logging_config.get("LogGroup", ""),
        AWS_LAMBDA_LOG_STREAM_NAME=f"local/[{config.get('Version', '$LATEST')}]{port}",
        LAMBDA_TASK_ROOT=code_dir,
        LANG="en_US.UTF-8",
        TZ=":UTC",
        _HANDLER=config.get("Handler", "bootstrap"),
    )
    return environment


def is_dying(pid: int) -> bool:
    """Whether a process that still exists was killed already. Only Linux shows this; elsewhere it counts as alive."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        flags = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[6])
    except OSError:
        return sys.platform == "linux"
    pending = re.findall(r"^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$", status, re.MULTILINE)
    killed = any(int(mask, 16) & 1 << (signal.SIGKILL - 1) for mask in pending)
    return killed or bool(flags & PF_EXITING)


class HandOver(queue.Queue):
    """The one invocation that a process is to take. It records whether a living process took it."""

    def __init__(self, worker):
        super().__init__(maxsize=1)
        self.worker = worker

    def get(self, block=True, timeout=None):
        invocation = super().get(block, timeout)
        process = self.worker._proc
        if process is None or process.poll() is not None or is_dying(process.pid):
            # A killed process and its connection still exist for a moment, but no code reads the connection any more.
            self.put(invocation)
            time.sleep(0.01)
            raise queue.Empty
        self.worker.taken = invocation[0]
        return invocation


class FunctionProcess(lambda_runtime.ProvidedWorker):
    """One function process.

    Gaps: a process that was killed while idle can fail the invocation that finds it dead, where AWS would have
    replaced it unseen; and one that fails to start takes down every other process of its function.
    """

    taken = None

    def _build_handler_class(self, generation, pending):
        hand_over = HandOver(self)
        with self._state_lock:
            self._pending = hand_over
        return super()._build_handler_class(generation, hand_over)

    def invoke(self, event, request_id, **context):
        # An invocation may be repeated only if no process has seen it. The second attempt runs in a new process.
        for _ in range(2):
            try:
                outcome = super().invoke(event, request_id, **context)
            except Exception as failure:
                # If this exception reached the pool, it would kill all processes of the function.
                self._teardown()
                error = {"errorMessage": str(failure), "errorType": "Runtime.ExitError"}
                return {"status": "error", "error": str(failure), "error_payload": error, "log": ""}
            if outcome["status"] == "ok" or self.taken == request_id:
                return outcome
        return outcome


def dispatch_with_retries(arn: str, payload: str) -> None:
    """Gap: a rule invokes its function once; a failure is not retried and never reaches the failure destination."""
    function, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        log.warning("a rule names the function %s, which does not exist", name)
        return
    lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), json.loads(payload))


# ------------------------------------------------------------------ queues


def receive_for_function(queue_url: str, limit: int) -> list[dict]:
    """Gap: a batch never holds more than 10 messages, whatever BatchSize says.

    The batching window is ignored: messages that are visible are delivered at once.
    """
    with sqs._queues_lock:
        source = sqs._get_q(queue_url)
        sqs._expire_retained(source)
        sqs._dlq_sweep(source)
        most = min(limit, 10) if source["is_fifo"] else limit
        return sqs._collect_msgs(source, most, int(source["attributes"].get("VisibilityTimeout", "30")))


# ------------------------------------------------------------------ streams
# Gaps: one batch at a time and on the thread that also polls the queues; a partial failure counts as success and
# loses the record; bisecting, retry limit and failure destination are ignored. So the code below reads the streams.


@contextlib.contextmanager
def scope_of(account: str, region: str):
    """Sets the account and region in the running context: ministack keeps its records per account and region."""
    tokens = lambda_svc._request_account_id.set(account), lambda_svc._request_region.set(region)
    try:
        yield
    finally:
        lambda_svc._request_account_id.reset(tokens[0])
        lambda_svc._request_region.reset(tokens[1])


class Lane:
    """One ordered sequence of records, delivered by its own thread."""

    def __init__(self, mapping: dict, account: str, region: str):
        self.mapping, self.account, self.region = mapping, account, region
        self.waiting: deque = deque()
        self.changed = threading.Condition()
        self.closed = False
        threading.Thread(target=self.run, daemon=True, name="stream-lane").start()

    def put(self, record: dict) -> None:
        with self.changed:
            self.waiting.append(record)
            self.changed.notify()

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify()

    def run(self) -> None:
        with scope_of(self.account, self.region):
            while not self.closed:
                with self.changed:
                    self.changed.wait_for(lambda: self.waiting or self.closed)
                    size = min(int(self.mapping.get("BatchSize", 100)), len(self.waiting))
                    batch = [self.waiting.popleft() for _ in range(size)]
                if batch:
                    try:
                        self.deliver(batch)
                    except Exception:
                        log.exception("a stream batch of %s was lost", self.mapping["FunctionName"])

    def deliver(self, batch: list[dict]) -> None:
        """Delivers a batch until it succeeded, or until it is sent to the failure destination."""
        limit = int(self.mapping.get("MaximumRetryAttempts", -1))
        oldest = int(self.mapping.get("MaximumRecordAgeInSeconds", -1))
        bisects = str(self.mapping.get("BisectBatchOnFunctionError", False)).lower() == "true"
        work = deque([(batch, 0)])
        while work and not self.closed:
            part, failures = work.popleft()
            function, _ = lambda_svc._get_func_record_for_qualifier(
                self.mapping["FunctionName"], self.mapping.get("Qualifier")
            )
            if function is None:
                return
            outcome = lambda_svc._execute_function(function, {"Records": part})
            if outcome.get("throttle"):
                # The invocation never reached the function, so it does not count as a failure.
                work.appendleft((part, failures))
                time.sleep(IDLE_SECONDS)
                continue
            failed_at = self.first_failure(part, outcome)
            if failed_at is None:
                continue
            failures = 1 if failed_at else failures + 1
            part = part[failed_at:]
            age = time.time() - part[0]["dynamodb"]["ApproximateCreationDateTime"]
            if bisects and outcome.get("error") and len(part) > 1:
                # Splitting is not a retry. A crash splits the batch in the same way as an error.
                middle = len(part) // 2
                work.extendleft([(part[middle:], failures - 1), (part[:middle], failures - 1)])
            elif 0 <= limit < failures:
                self.give_up(function, part, outcome, "RetryAttemptsExhausted")
            elif 0 < oldest < age:
                self.give_up(function, part, outcome, "RecordAgeExceeded")
            else:
                work.appendleft((part, failures))
                time.sleep(min(RETRY_SECONDS * 2 ** (failures - 1), RETRY_PAUSE_LIMIT))

    def first_failure(self, part: list[dict], outcome: dict) -> int | None:
        """The index of the first failed record, from which the delivery continues; None if all succeeded."""
        if outcome.get("error"):
            return 0
        answer = outcome.get("body")
        if "ReportBatchItemFailures" not in (self.mapping.get("FunctionResponseTypes") or []):
            return None
        if not isinstance(answer, dict) or not answer.get("batchItemFailures"):
            return None
        failed = {failure.get("itemIdentifier") for failure in answer["batchItemFailures"]}
        positions = (at for at, record in enumerate(part) if record["dynamodb"]["SequenceNumber"] in failed)
        # An identifier that is not in the batch fails the whole batch.
        return next(positions, 0)

    def give_up(self, function: dict, part: list[dict], outcome: dict, condition: str) -> None:
        log.warning("%s: %d stream records given up, %s", self.mapping["FunctionName"], len(part), condition)
        arn = self.mapping["EventSourceArn"]
        lambda_svc._send_ddb_stream_failure_record(self.mapping, function, part, arn, outcome, condition)


class StreamReader:
    """Reads one table's stream for one function, and distributes the records over its lanes."""

    def __init__(self, mapping: dict, account: str, region: str):
        self.mapping, self.account, self.region = mapping, account, region
        self.table = mapping["EventSourceArn"].split("/stream/")[0].rsplit("/", 1)[-1]
        self.position = lambda_svc._dynamodb_stream_positions.get(mapping["UUID"], 0)
        self.lanes = [Lane(mapping, account, region) for _ in range(int(mapping.get("ParallelizationFactor", 1)))]

    def read(self) -> bool:
        table = dynamodb._tables.get(self.table)
        if not table or table.get("LatestStreamArn") != self.mapping["EventSourceArn"]:
            return False
        position = max(self.position, dynamodb.stream_start_position(self.table))
        records = dynamodb.stream_records_since(self.table, position, STREAM_READ_LIMIT)
        self.position = position + len(records)
        for record in lambda_svc._apply_filter_criteria(records, self.mapping):
            self.lane_of(record).put(record)
        return bool(records)

    def lane_of(self, record: dict) -> Lane:
        # By the whole key, as Lambda does: changes of one item stay in order, changes of a partition need not.
        key = json.dumps(record["dynamodb"]["Keys"], sort_keys=True).encode()
        return self.lanes[zlib.crc32(key) % len(self.lanes)]

    def close(self) -> None:
        for lane in self.lanes:
            lane.close()


stream_readers: dict[str, StreamReader] = {}


def read_streams() -> bool:
    found, existing = False, set()
    for account, region, mapping in lambda_svc._iter_all_esms():
        if ":dynamodb:" not in mapping.get("EventSourceArn", "") or not mapping.get("Enabled", True):
            continue
        existing.add(mapping["UUID"])
        with scope_of(account, region):
            reader = stream_readers.get(mapping["UUID"])
            if reader is None:
                reader = stream_readers[mapping["UUID"]] = StreamReader(mapping, account, region)
            found = reader.read() or found
    for gone in stream_readers.keys() - existing:
        stream_readers.pop(gone).close()
    return found


def poll_event_sources() -> None:
    """Gap: a message that becomes visible again wakes no poller, and is found up to a second late."""
    while True:
        lambda_svc._esm_wake.clear()
        busy = False
        for poll in (lambda_svc._poll_sqs, read_streams):
            try:
                busy = poll() or busy
            except Exception:
                log.exception("polling failed")
        if not busy and lambda_svc._esm_wake.wait(IDLE_SECONDS):
            # Every write wakes this loop, also one that no function waits for. The pause limits how often it runs.
            time.sleep(0.002)


# ------------------------------------------------------------------ permissions


def authorise_batches_as_singles() -> None:
    """Gap: a batch call of SQS requires an action that IAM does not have; on AWS sqs:SendMessage allows both."""
    name_action = iam_actions.extract_iam_action

    @functools.wraps(name_action)
    def named(service, *args, **kwargs):
        action = name_action(service, *args, **kwargs)
        return action.removesuffix("Batch") if service == "sqs" and action else action

    iam_actions.extract_iam_action = named


# ------------------------------------------------------------------ start


def apply_corrections() -> None:
    # Gap: the runtime API answers in two small packets, and Nagle's algorithm delays the second one by 40 ms.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    # Gap: every invocation waits 50 ms for log lines, even if the function prints none.
    lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = (0.003, 0.002, 0.25)

    after_provisioning("AWS::ApiGatewayV2::Api", add_routes_of_body)
    after_provisioning("AWS::DynamoDB::Table", set_time_to_live)
    accept_metric_math()
    accept_bus_policies()

    authorise_batches_as_singles()

    lambda_svc._provided_worker_env = function_environment
    lambda_runtime.ProvidedWorker = FunctionProcess

    eventbridge._dispatch_to_lambda = dispatch_with_retries

    sqs._receive_messages_for_esm = receive_for_function
    # Gap: after one failed batch a queue is not polled for a second.
    lambda_svc._ESM_BACKOFF_SECONDS = IDLE_SECONDS
    lambda_svc._poll_loop = poll_event_sources

    # At each deployment SAM's translator would log a line about metrics that it does not publish.
    logging.getLogger("samtranslator.metrics.metrics").setLevel(logging.ERROR)

    # Gap: the scheduler checks its schedules only every 10 seconds.
    scheduler._SCHEDULE_TICK_INTERVAL = TICK_SECONDS


if __name__ == "__main__":
    apply_corrections()
    from ministack.app import main

    print(f"emulator: http://{HOST}:{PORT} in {REGION}", file=sys.stderr, flush=True)
    # ministack parses sys.argv itself: pass it no arguments.
    sys.argv = sys.argv[:1]
    main()
