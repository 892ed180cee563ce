/* Kubeconfig text. Every value is written quoted, so that no name can break out of its place. */
#include "auth/pki.h"

#include "base/codec.h"
#include "base/json.h"

static void add_quoted(struct buf *out, const char *key, const char *value)
{
    buf_add_text(out, key);
    buf_add_text(out, ": ");
    json_write_string(out, str_of(value)); /* a JSON string is a YAML scalar */
    buf_add_char(out, '\n');
}

static void add_data(struct buf *out, const char *key, const char *pem)
{
    buf_printf(out, "%s: ", key);
    base64_encode(out, pem, strlen(pem), BASE64_STANDARD);
    buf_add_char(out, '\n');
}

void kubeconfig_write(struct buf *out, const struct kubeconfig *config)
{
    buf_add_text(out, "apiVersion: v1\nkind: Config\nclusters:\n");
    add_quoted(out, "- name", config->context);
    buf_add_text(out, "  cluster:\n");
    if (config->ca_pem)
        add_data(out, "    certificate-authority-data", config->ca_pem);
    add_quoted(out, "    server", config->server);
    if (config->tls_server_name)
        add_quoted(out, "    tls-server-name", config->tls_server_name);
    buf_add_text(out, "contexts:\n");
    add_quoted(out, "- name", config->context);
    buf_add_text(out, "  context:\n");
    add_quoted(out, "    cluster", config->context);
    add_quoted(out, "    user", config->context);
    add_quoted(out, "current-context", config->context);
    buf_add_text(out, "preferences: {}\nusers:\n");
    add_quoted(out, "- name", config->context);
    buf_add_text(out, "  user:\n");
    add_data(out, "    client-certificate-data", config->client->cert);
    add_data(out, "    client-key-data", config->client->key);
}
