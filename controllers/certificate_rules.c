/* What our signers accept. Source: pkg/apis/certificates/helpers.go,
 * pkg/controller/certificates/signer/signer.go. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "controllers/certificate.h"

#define NODES       "system:nodes"
#define NODE_PREFIX "system:node:"

static const struct signer_row {
    const char *name;
    bool node;            /* the subject must be a node */
    const char *usages;   /* as upstream prints what is required */
    const char *extended; /* the usage that it is about */
} signers[] = {
    {"kubernetes.io/kube-apiserver-client", false, NULL, "client auth"},
    {"kubernetes.io/kube-apiserver-client-kubelet", true,
     "[client auth digital signature key encipherment]", "client auth"},
    {"kubernetes.io/kubelet-serving", true, "[digital signature key encipherment server auth]",
     "server auth"},
};

static const struct signer_row *signer_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(signers); i++)
        if (text_eq(name, signers[i].name))
            return &signers[i];
    return NULL;
}

static bool is_optional(const char *usage)
{
    return text_eq(usage, "digital signature") || text_eq(usage, "key encipherment");
}

static char *client_refusal(const struct signer_row *signer, const json_t *usages)
{
    const json_t *usage;
    size_t i;
    json_array_foreach (usages, i, usage) {
        const char *text = json_string_value(usage);
        if (!is_optional(text) && !text_eq(text, signer->extended))
            return xasprintf("invalid usage for client certificate: %s", text ? text : "");
    }
    if (json_array_has_text(usages, signer->extended))
        return NULL;
    return xasprintf("missing required usage for client certificate: %s", signer->extended);
}

/* Exactly the required ones; key encipherment, which only RSA has a use for, may be missing. */
static bool node_usages(const struct signer_row *signer, const json_t *usages)
{
    size_t want = json_array_has_text(usages, "key encipherment") ? 3 : 2;
    return json_array_size(usages) == want && json_array_has_text(usages, "digital signature") &&
           json_array_has_text(usages, signer->extended);
}

static const char *names_refusal(const struct signer_row *signer, const struct csr *csr)
{
    bool serving = text_eq(signer->extended, "server auth");
    bool dns = csr_has_name(csr, CSR_DNS), address = csr_has_name(csr, CSR_ADDRESS);
    if (serving && !dns && !address)
        return "DNS or IP subjectAltName is required";
    if (!serving && dns)
        return "DNS subjectAltNames are not allowed";
    if (csr_has_name(csr, CSR_EMAIL))
        return "Email subjectAltNames are not allowed";
    if (!serving && address)
        return "IP subjectAltNames are not allowed";
    return csr_has_name(csr, CSR_URI) ? "URI subjectAltNames are not allowed" : NULL;
}

static char *node_refusal(const struct signer_row *signer, const struct csr *csr,
                          const json_t *usages)
{
    const char *names = names_refusal(signer, csr);
    if (csr_organization_count(csr) != 1 || !csr_has_organization(csr, NODES))
        return xstrdup("subject organization is not system:nodes");
    if (names)
        return xstrdup(names);
    if (!node_usages(signer, usages))
        return xasprintf("usages did not match %s", signer->usages);
    if (!text_starts(csr_common_name(csr), NODE_PREFIX))
        return xstrdup("subject common name does not begin with " NODE_PREFIX);
    return NULL;
}

char *certificate_refusal(const char *signer, const struct csr *csr, const json_t *usages,
                          bool *known)
{
    const struct signer_row *row = signer_find(signer);
    *known = row != NULL;
    if (!row)
        return NULL;
    return row->node ? node_refusal(row, csr, usages) : client_refusal(row, usages);
}

bool certificate_is_node_client(const char *signer, const struct csr *csr, const json_t *usages)
{
    bool known;
    if (!text_eq(signer, "kubernetes.io/kube-apiserver-client-kubelet"))
        return false;
    CLEANUP(free_ptr) char *why = certificate_refusal(signer, csr, usages, &known);
    return !why;
}
