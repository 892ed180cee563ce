/* host/node/pod_decide.h: what to do next for one Pod. Pure: time and observations come in as data.
 *
 * Level-triggered: the same observations give the same plan, and when its actions have been done
 * the next plan is empty until something changes or `wake_us` comes. Source: kubelet's
 * computePodActions and killPod, by behaviour. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum container_class {
    CLASS_INIT,    /* runs to its end, in order */
    CLASS_SIDECAR, /* an init container with restartPolicy Always */
    CLASS_MAIN,
    CLASS_EPHEMERAL, /* for debugging: runs once beside the others, and decides nothing */
};

enum restart_policy { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };

enum image_state { IMAGE_UNKNOWN, IMAGE_PULLING, IMAGE_PRESENT, IMAGE_FAILED };

/* How far a container that must end has come. */
enum stop_state {
    STOP_NONE,
    STOP_HOOK /* preStop runs */,
    STOP_HOOK_DONE,
    STOP_TERM /* told */,
    STOP_KILL
};

enum run_state { RUN_NONE /* never started */, RUN_RUNNING, RUN_EXITED };

struct container_seen {
    enum container_class class;
    enum run_state run;
    int exit_code;
    bool started;      /* running, and its startup probe has passed (or there is none) */
    bool must_restart; /* a liveness or startup probe gave up on it, or postStart failed */
    bool changed; /* its image is another by now: what runs ends, what ended for it starts again */
    bool has_pre_stop;
    enum image_state image;
    int64_t not_before_us; /* back-off: of its image or of its start; 0: none */
    enum stop_state stop;
    int64_t stop_deadline_us; /* SIGKILL then; set when `stop` is not NONE */
};

struct pod_seen {
    enum restart_policy restart;
    bool gone;        /* no longer in the API: end at once */
    bool deleting;    /* deletionTimestamp is set */
    bool failing;     /* evicted, past its deadline, refused: end, do not delete */
    bool prepared;    /* volumes, sandbox and network stand */
    bool has_remains; /* a sandbox or a directory is there, prepared or not */
    int64_t prepare_not_before_us;
    int64_t deadline_us; /* startTime + activeDeadlineSeconds; 0: none */
    int64_t now_us;
    const struct container_seen *containers; /* init and sidecars in order, then the others */
    size_t count;
};

enum pod_action_kind {
    ACTION_PREPARE, /* volumes, sandbox, network */
    ACTION_PULL,    /* look for the image, pull it */
    ACTION_START,
    ACTION_STOP, /* begin to end it: run preStop, or SIGTERM when there is none */
    ACTION_TERM, /* preStop is over: SIGTERM */
    ACTION_KILL,
    ACTION_EXPIRE,   /* activeDeadlineSeconds has passed */
    ACTION_TEARDOWN, /* nothing runs any more: remove sandbox, network, volumes */
    ACTION_FINALIZE, /* the Pod may go from the API */
};

struct pod_action {
    enum pod_action_kind kind;
    size_t container;
};

#define POD_CONTAINERS_MAX 100

struct pod_plan {
    struct pod_action actions[POD_CONTAINERS_MAX * 2];
    size_t count;
    int64_t wake_us; /* decide again then; 0: only when something changes */
};

enum pod_phase { PHASE_PENDING, PHASE_RUNNING, PHASE_SUCCEEDED, PHASE_FAILED };

void pod_decide(const struct pod_seen *seen, struct pod_plan *plan);
/* The phase that the observations amount to. */
enum pod_phase pod_phase_of(const struct pod_seen *seen);
/* True when every init container has ended well and every sidecar has started, or a main container
 * has been started. */
bool pod_initialized(const struct pod_seen *seen);
/* Whether an exited container will be started again. */
bool container_restarts(const struct pod_seen *seen, const struct container_seen *container);
const char *pod_action_name(enum pod_action_kind kind);

/* Crash back-off: the first restart is at once, then 10 s, 20 s, ... 300 s; forgotten after 10
 * quiet minutes. */
struct backoff {
    int64_t delay_us, raised_us;
};
#define BACKOFF_FIRST_US INT64_C(10000000)
#define BACKOFF_MAX_US   INT64_C(300000000)
/* When something that failed at `failed_us` may be tried again; 0: at once. */
int64_t backoff_until(const struct backoff *backoff, int64_t failed_us, int64_t now_us);
/* Counts one more try. */
void backoff_raise(struct backoff *backoff, int64_t now_us);
