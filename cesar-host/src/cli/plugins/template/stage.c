/* Writes down how loud each window of the audio is: replace it by an engine. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cesar_plugin.h"

/* A session: what `open` loads. */
struct session {
    uint64_t window_ms;
};

/* Options and requests are JSON objects of the names in cesar-plugin.json; a real stage would use a JSON library. */
static uint64_t number_after(const char *json, const char *name, uint64_t otherwise) {
    const char *found = strstr(json, name);
    if (!found || !(found = strchr(found, ':'))) return otherwise;
    return strtoull(found + 1, NULL, 10);
}

static void *open_session(const char *options, struct cesar_error *error) {
    struct session *session = malloc(sizeof *session);
    if (!session) {
        cesar_fail(error, "out_of_memory", "there is no memory for a session");
        return NULL;
    }
    session->window_ms = number_after(options, "\"window_ms\"", 0);
    if (session->window_ms == 0) {
        free(session);
        cesar_fail(error, "invalid_options", "`window_ms` must be a whole number of at least 1");
        return NULL;
    }
    return session;
}

static char *run(void *state, const char *request, const struct cesar_audio *audio, const struct cesar_host *host,
                 struct cesar_error *error) {
    struct session *session = state;
    (void)request;
    size_t window = (size_t)(audio->sample_rate * session->window_ms / 1000);
    size_t windows = audio->length / window + 1;
    char *output = malloc(64 + 96 * windows), *end = output;
    if (!output) {
        cesar_fail(error, "out_of_memory", "there is no memory for the output");
        return NULL;
    }
    end += sprintf(end, "{\"segments\":[");
    for (size_t first = 0; first < audio->length; first += window) {
        if (host->cancelled(host->context)) {
            free(output);
            cesar_fail(error, "cancelled", "cancelled");
            return NULL;
        }
        size_t last = first + window < audio->length ? first + window : audio->length;
        float peak = 0;
        for (size_t index = first; index < last; index++) {
            float value = fabsf(audio->samples[index]);
            if (value > peak && value <= 1) peak = value;
        }
        uint64_t start_ms = first * 1000 / audio->sample_rate, end_ms = last * 1000 / audio->sample_rate;
        char text[32];
        snprintf(text, sizeof text, " peak %.2f", (double)peak);
        host->segment(host->context, start_ms, end_ms, text);
        host->progress(host->context, last, audio->length);
        end += sprintf(end, "%s{\"start_ms\":%llu,\"end_ms\":%llu,\"text\":\"%s\"}", first ? "," : "",
                       (unsigned long long)start_ms, (unsigned long long)end_ms, text);
    }
    sprintf(end, "]}");
    return output;
}

static void free_output(char *output) { free(output); }

static void close_session(void *session) { free(session); }

const struct cesar_stage cesar_stage = {
    .size = sizeof(struct cesar_stage),
    .open = open_session,
    .run = run,
    .free_output = free_output,
    .close = close_session,
};
