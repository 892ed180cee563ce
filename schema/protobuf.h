/* schema/protobuf.h: application/vnd.kubernetes.protobuf, from the text of JSON and to it, driven
 * by the type tables.
 *
 * Text going in is a shaped document (schema/decode.h) that we wrote ourselves: its grammar is not
 * checked. Text coming out goes the way of any request's (schema_decode()). Custom resources have
 * no protobuf. Limits: nesting JSON_DEPTH_MAX; the caller bounds the size of bodies, and of text by
 * the buffer's maximum. Any thread. Source: the generated.proto files of k8s.io/api for numbers;
 * apimachinery's protobuf serializer for envelopes. */
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "schema/type.h"

#define PROTOBUF_MEDIA "application/vnd.kubernetes.protobuf"

/* Appends the message of the document, without an envelope. False when a value does not fit its
 * type. */
MUST_CHECK bool protobuf_encode(struct buf *out, const struct type *type, struct str json);
/* The same for one object after the other that are much alike, such as a list's: what stands in
 * several of them word for word is made once. Owned by who made it; one thread at a time. */
struct protobuf_memo *protobuf_memo_new(void);
void protobuf_memo_free(struct protobuf_memo *memo);
MUST_CHECK bool protobuf_encode_next(struct protobuf_memo *memo, struct buf *out,
                                     const struct type *type, struct str json);
/* Appends the JSON of a message, which has neither `kind` nor `apiVersion`, in the order of its
 * numbers and without what Go would not print. What its strings hold is for the reader of the text
 * to check: UTF-8, and no NUL. BAD_REQUEST when it is malformed, TOO_LARGE for the buffer. */
MUST_CHECK bool protobuf_to_json(struct buf *out, const struct type *type, struct str message,
                                 struct error *err);

/* What goes over the wire for one object: magic number, kind, message. */
struct protobuf_envelope {
    struct str api_version, kind, message; /* within the input */
};
/* BAD_REQUEST in upstream's words when `body` is no envelope. */
MUST_CHECK bool protobuf_open(struct str body, struct protobuf_envelope *out, struct error *err);
/* Appends an envelope: what is appended between the two calls is its message, of some `expected`
 * bytes. */
MUST_CHECK size_t protobuf_begin(struct buf *out, struct str api_version, struct str kind,
                                 size_t expected);
void protobuf_end(struct buf *out, size_t mark);
/* The same for a message of `len` bytes that is elsewhere: what is sent before it and after it. */
void protobuf_before(struct buf *out, struct str api_version, struct str kind, size_t len);
extern const struct str protobuf_after;

/* Envelope and message of a whole object, which has `kind` and `apiVersion`. */
MUST_CHECK bool protobuf_encode_object(struct buf *out, const struct type *type, struct str json);
/* protobuf_to_json() of the object in an envelope, with `kind` and `apiVersion` in front; what they
 * are is for the caller to check. */
MUST_CHECK bool protobuf_object_to_json(struct buf *out, const struct type *type, struct str body,
                                        struct error *err);

/* JSON of one body: names that take a byte or two in it are longer there. */
#define PROTOBUF_JSON_MAX ((size_t)32 << 20)
/* The shaped tree of that. New reference; NULL with BAD_REQUEST or TOO_LARGE. */
MUST_CHECK json_t *protobuf_decode_object(const struct type *type, struct str body,
                                          struct error *err);

/* A list's message, piece by piece: its metadata once, then each item. */
MUST_CHECK bool protobuf_list_meta(struct buf *out, struct str list_meta);
MUST_CHECK bool protobuf_list_item(struct buf *out, const struct type *type, struct str item);
/* What is before the message, of `len` bytes, of an item. */
void protobuf_before_item(struct buf *out, size_t len);

/* One frame of a watch stream around an object's envelope: length, WatchEvent. */
void protobuf_watch_event(struct buf *out, const char *event, struct str envelope);
/* What is before the message, of `len` bytes, of an object in such a frame; protobuf_after comes
 * after it. */
void protobuf_before_watched(struct buf *out, const char *event, struct str api_version,
                             struct str kind, size_t len);
