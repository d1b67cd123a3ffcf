/*
 * A stage of Cesar in C.
 *
 * Define one `const struct cesar_stage`, and name it in the crate's only line of Rust:
 *
 *     plugin_api::cesar_c_plugin!(MyAsr, "cesar_stage", "cesar-plugin.json");
 *
 * Texts are UTF-8 and end with a NUL; options, requests and outputs are JSON as the documentation of plugin-api describes them for
 * each stage. A session is used by one thread at a time, not always the same one. What the host lends is lent for the call. This is
 * not the binary boundary between plugins and Cesar: C and Rust of one plugin are compiled together.
 */
#ifndef CESAR_PLUGIN_H
#define CESAR_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Mono samples, nominally within -1 to 1; none for stages without audio. */
struct cesar_audio {
    const float *samples;
    size_t length;
    uint32_t sample_rate;
};

/* What the host offers while a request runs. Give `context` to each of its functions. */
struct cesar_host {
    const void *context;
    /* `done` of `total` units of work; `done` must not fall. */
    void (*progress)(const void *context, uint64_t done, uint64_t total);
    /* Shows a segment while the rest is still being decoded; the output must contain it as well. Times in ms. */
    void (*segment)(const void *context, uint64_t start_ms, uint64_t end_ms, const char *text);
    /* Emits anything else, by kind, as JSON. */
    void (*emit)(const void *context, const char *kind, const char *json);
    /* Writes a line to the log: 1 error, 2 warning, 3 information, 4 for debugging. */
    void (*log)(const void *context, uint8_t level, const char *text);
    /* Whether to stop: ask at least once a second, and then fail with the kind `cancelled`. */
    bool (*cancelled)(const void *context);
};

/* Why something failed: filled by `cesar_fail`. */
struct cesar_error {
    char kind[32];
    char message[2048];
};

/* A stage. Functions marked optional may be NULL. */
struct cesar_stage {
    /* sizeof(struct cesar_stage), so that later versions of this header can add to its end. */
    size_t size;
    /* Loads the model and gives a session, or NULL after `cesar_fail`. */
    void *(*open)(const char *options, struct cesar_error *error);
    /* Does one request and gives its output, or NULL after `cesar_fail`. */
    char *(*run)(void *session, const char *request, const struct cesar_audio *audio, const struct cesar_host *host,
                 struct cesar_error *error);
    /* Frees what `run` gave. */
    void (*free_output)(char *output);
    /* Ends a session. */
    void (*close)(void *session);
    /* Optional: whether a request could run, whatever the audio; false after `cesar_fail`. */
    bool (*check)(void *session, const char *request, struct cesar_error *error);
};

/*
 * Says why. The kind is what a host may do about it: `invalid_input`, `invalid_options`, `model_missing`, `library_missing`,
 * `out_of_memory`, `transient`, `cancelled` or `internal`.
 */
static inline void cesar_fail(struct cesar_error *error, const char *kind, const char *message) {
    strncpy(error->kind, kind, sizeof error->kind - 1);
    strncpy(error->message, message, sizeof error->message - 1);
}

#ifdef __cplusplus
}
#endif

#endif
