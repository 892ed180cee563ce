/* Secrets for ServiceAccounts' tokens: filled in, kept, deleted. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/token_secret.h"

#define ACCOUNT "{'metadata':{'name':'a','namespace':'n','uid':'u'}}"
#define SECRET(notes, data)                                                                        \
    "{'metadata':{'name':'s','namespace':'n','uid':'us','annotations':{'kubernetes.io/"            \
    "service-account"                                                                              \
    ".name':'a'" notes "}},'type':'kubernetes.io/service-account-token','data':{" data "}}"
#define UID(uid) ",'kubernetes.io/service-account.uid':'" uid "'"
#define FULL     "'ca.crt':'Y2E=','namespace':'bg==','token':'dA=='"

static void decides(void **state)
{
    static const struct {
        const char *name, *secret, *account, *token;
        bool wants;
        const char *plan;
        /* clang-format off */
    } rows[] = {
        {"empty", SECRET("", ""), ACCOUNT, "t", true, "update secrets s\n"},
        {"full", SECRET(UID("u"), FULL), ACCOUNT, NULL, false, ""},
        {"another authority", SECRET(UID("u"), "'ca.crt':'eA==','namespace':'bg==','token':'dA=='"), ACCOUNT, NULL, false,
         "update secrets s\n"},
        {"no account", SECRET(UID("u"), FULL), NULL, NULL, false, "delete secrets s\n"},
        {"another account of that name", SECRET(UID("x"), FULL), ACCOUNT, NULL, false, "delete secrets s\n"},
        {"another type", "{'metadata':{'name':'s','namespace':'n'},'type':'Opaque'}", NULL, NULL, false, ""},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *secret = sim_json(rows[i].secret),
                    *account = rows[i].account ? sim_json(rows[i].account) : NULL;
        CLEANUP(plan_clear) struct plan plan = {0};
        assert_int_equal(token_secret_wants_token(secret, account), rows[i].wants);
        token_secret_decide(&(struct token_secret_seen){secret, account, "ca", rows[i].token},
                            &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decides)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
