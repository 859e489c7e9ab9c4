//! Every parameter of the API, declared once.

use super::operation::{Kind, Parameter};
use super::{pipe_view, pipes};

const NO: Kind = Kind::Boolean(Some(false));
const YES: Kind = Kind::Boolean(Some(true));
const NUMBER: Kind = Kind::Number(None);

// In paths.
pub(super) const PIPE: Parameter = Parameter::path("pipe_id", "Id of the pipe");
pub(super) const DATASET: Parameter = Parameter::path("dataset_id", "Id of the dataset");
pub(super) const SYSTEM: Parameter = Parameter::path("system_id", "Id of the system");
pub(super) const GROUP: Parameter = Parameter::path("group", "Name of the group");
pub(super) const VARIABLE: Parameter = Parameter::path("variable", "Name of the variable");
pub(super) const SECRET: Parameter = Parameter::path("secret", "Name of the secret");
pub(super) const FILENAME: Parameter =
    Parameter::path("filename", "What the answer is to be called");
pub(super) const ENTITY_PATH: Parameter =
    Parameter::path("rest", "Id of the entity; may contain /");
pub(super) const REST_OF_PATH: Parameter =
    Parameter::path("rest_of_path", "Path at the microservice; may contain /");

// Microservices.
pub(super) const LOGS_SINCE: Parameter = Parameter::query(
    "since",
    Kind::Text,
    "Only what was said after this time, e.g. 2016-11-08T08:28:45.880594510Z",
);
pub(super) const LINES: Parameter = Parameter::query(
    "lines",
    Kind::Number(Some(1000)),
    "At most so many of the last lines, where no time is given",
);
pub(super) const FOLLOW: Parameter =
    Parameter::query("follow", NO, "Go on with what comes, for ten minutes");

// Reading (JP1, R74).
pub(super) const SINCE: Parameter = Parameter::query(
    "since",
    Kind::Since,
    "Only after this offset, before it in reverse",
);
pub(super) const SINCE_TEXT: Parameter =
    Parameter::query("since", Kind::Text, "Only after this value of `_updated`");
pub(super) const HISTORY_SINCE: Parameter = Parameter::query(
    "since",
    NUMBER,
    "Only after this offset, before it in reverse",
);
pub(super) const LIMIT: Parameter = Parameter::query("limit", NUMBER, "At most so many");
pub(super) const PAGE_LIMIT: Parameter = Parameter::query(
    "limit",
    NUMBER,
    "At most so many, and what else is made of the last one's source entity",
);
pub(super) const HISTORY: Parameter = Parameter::query(
    "history",
    YES,
    "All versions, or only the latest of each id",
);
pub(super) const DELETED: Parameter = Parameter::query(
    "deleted",
    YES,
    "Deleted entities too; counts only with history=false",
);
pub(super) const REVERSE: Parameter =
    Parameter::query("reverse", NO, "From the newest to the oldest");
pub(super) const POPULATED: Parameter =
    Parameter::query("populated", NO, "404 unless the dataset is populated");
pub(super) const UNCOMMITTED: Parameter = Parameter::query(
    "uncommitted",
    NO,
    "Accepted; there are no uncommitted entities",
);
pub(super) const SUBSET: Parameter =
    Parameter::query("subset", Kind::Text, "A subset expression as JSON");
pub(super) const WEBHOOK: Parameter =
    Parameter::query("webhook", Kind::Text, "Not in this version");
pub(super) const ENTITY_ID: Parameter =
    Parameter::query("entity_id", Kind::Text, "Id of the entity").required();
pub(super) const OFFSET: Parameter =
    Parameter::query("offset", NUMBER, "The version at exactly this offset");
pub(super) const STAGE: Parameter =
    Parameter::query("stage", Kind::Choice(pipes::STAGES), "Where in the pipe");
pub(super) const LINKED_EXCEL: Parameter =
    Parameter::query("linked_excel_file", Kind::Text, "Not in this version");

// Lists.
pub(super) const FIELDS: Parameter = Parameter::query(
    "fields",
    Kind::Words(pipe_view::FIELD_NAMES),
    "Members to show, or with - to leave out",
);
pub(super) const VERBOSE: Parameter =
    Parameter::query("verbose", NO, "Accepted; everything is shown");
pub(super) const INTERNAL_PIPES: Parameter =
    Parameter::query("include-internal-pipes", NO, "The hub's own pipes too");
pub(super) const INTERNAL_DATASETS: Parameter = Parameter::query(
    "include-internal-datasets",
    YES,
    "The hub's own datasets too",
);
pub(super) const INTERNAL_SYSTEMS: Parameter = Parameter::query(
    "include-internal-systems",
    NO,
    "Accepted; the hub has no systems of its own",
);

// Configuration.
pub(super) const FORCE: Parameter = Parameter::query(
    "force",
    NO,
    "Keep components that have errors, marked as invalid",
);
pub(super) const COMPONENT_ID: Parameter =
    Parameter::query("entity_id", Kind::Text, "Id of the component").required();

// Operations.
pub(super) const ADMIN_OPERATION: Parameter = Parameter::form(
    "operation",
    Kind::Choice(&["restart", "reset"]),
    "What to do",
)
.required();
pub(super) const PUMP_OPERATION: Parameter = Parameter::form(
    "operation",
    Kind::Text,
    "One of the pump's supported-operations",
)
.required();
pub(super) const LAST_SEEN: Parameter = Parameter::form(
    "last-seen",
    Kind::Text,
    "For update-last-seen; empty forgets",
);
pub(super) const COMMENT: Parameter = Parameter::form("comment", Kind::Text, "For disable: why");
pub(super) const ENTITY_IDS: Parameter = Parameter::form(
    "entity-ids",
    Kind::Text,
    "For repost: a JSON list of ids, or one id",
);
pub(super) const ALLOW_MASS_DELETE: Parameter = Parameter::form(
    "allow-mass-delete",
    NO,
    "Let this one run delete more than half of its dataset",
);

// Running everything.
pub(super) const EXTRA_ZERO_RUNS: Parameter = Parameter::query(
    "extra_zero_runs",
    Kind::Number(Some(2)),
    "Passes without a change before it is done",
);
pub(super) const MAX_RUNS: Parameter =
    Parameter::query("max_runs", Kind::Number(Some(100)), "Passes at most");
pub(super) const MAX_RUN_TIME: Parameter =
    Parameter::query("max_run_time", Kind::Number(Some(900)), "Seconds at most");
pub(super) const REQUEST_MODE: Parameter = Parameter::query(
    "request_mode",
    Kind::Choice(&["sync", "async"]),
    "Wait for the end, or get a token",
);
pub(super) const SCHEDULER_MODE: Parameter = Parameter::query(
    "scheduler_mode",
    Kind::Choice(&["active", "poll"]),
    "Accepted; pipes are always run actively",
);
pub(super) const DELETE_INPUT_DATASETS: Parameter = Parameter::query(
    "delete_input_datasets",
    YES,
    "When pipes are emptied first, also those that read no dataset",
);
pub(super) const RESET_PIPES: Parameter = Parameter::query(
    "reset_pipes_and_delete_sink_datasets",
    YES,
    "Forget offsets and empty sink datasets first",
);
pub(super) const CHECK_INPUT_PIPES: Parameter = Parameter::query(
    "check_input_pipes",
    NO,
    "Fail when an input pipe fails; otherwise only the log tells",
);
pub(super) const OUTPUT_RUN_STATISTICS: Parameter =
    Parameter::query("output_run_statistics", NO, "Figures per pipe in the log");
pub(super) const ONLY_PIPES: Parameter =
    Parameter::query("pipes", Kind::Text, "Only these pipes, with commas between");
pub(super) const TERMINATE_TIMEOUT: Parameter = Parameter::query(
    "terminate_timeout",
    Kind::Number(Some(30)),
    "Seconds to wait at most",
);
pub(super) const LOG_SINCE: Parameter =
    Parameter::query("since", Kind::Text, "Only after this timestamp");
pub(super) const RUN_TOKEN: Parameter = Parameter::query("token", Kind::Text, "Which run");

// Pushing (JP3).
pub(super) const SEQUENCE_ID: Parameter =
    Parameter::query("sequence_id", Kind::Text, "Names a full push");
pub(super) const IS_FULL: Parameter = Parameter::query("is_full", NO, "Part of a full push");
pub(super) const REQUEST_ID: Parameter =
    Parameter::query("request_id", Kind::Text, "Names this request");
pub(super) const PREVIOUS_REQUEST_ID: Parameter = Parameter::query(
    "previous_request_id",
    Kind::Text,
    "Names the request before",
);
pub(super) const IS_FIRST: Parameter = Parameter::query("is_first", NO, "First of a full push");
pub(super) const IS_LAST: Parameter = Parameter::query(
    "is_last",
    NO,
    "Last of a full push: ids not seen are deleted",
);
pub(super) const COMPLETENESS: Parameter = Parameter::header(
    "x-dataset-completeness",
    NUMBER,
    "Microseconds since 1970 up to which this is complete",
);
pub(super) const FORCE_WRITE: Parameter =
    Parameter::query("force", NO, "Write also what did not change");
