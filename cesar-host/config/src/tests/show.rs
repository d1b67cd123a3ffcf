//! The whole output of `cesar config show`.

use serde_json::json;

use super::Home;
use crate::show::Show;

/// Everything as text, a setting a line.
fn text_of(show: &Show) -> String {
    let lines = show.cells().into_iter().map(|cells| cells.join(" | "));
    let lines: Vec<_> = std::iter::once(show.heading()).chain(lines).collect();
    lines.join("\n")
}

#[test]
fn values_are_shown_with_their_source() {
    let home = Home::new()
        .with_file("[asr]\nplugin = \"ct2\"\n\n[asr.options]\npatience = 1.5\n")
        .with("CESAR_ASR_BEAM_SIZE", "3")
        .with("CESAR_PLUGIN_PATH", "/opt/plugins");
    let show = home
        .resolve(&["--no-cache", "-f", "srt", "--asr-option", "vad=true"])
        .unwrap()
        .show();
    let place = home.folder.path().to_str().unwrap();
    let text: Vec<String> = text_of(&show).lines().map(|line| line.replace(place, "HOME")).collect();
    assert_eq!(
        text,
        [
            "configuration file: HOME/.config/cesar/config.toml",
            "asr.plugin | \"ct2\" | HOME/.config/cesar/config.toml line 2",
            "asr.model | (the best model present) | default",
            "asr.language | (the plugin's own default) | default",
            "asr.task | (the plugin's own default) | default",
            "asr.threads | (the plugin's own default) | default",
            "asr.parallel | 0 | default",
            "asr.device | (the plugin's own default) | default",
            "asr.compute_type | (the plugin's own default) | default",
            "asr.beam_size | 3 | CESAR_ASR_BEAM_SIZE",
            "asr.initial_prompt | (the plugin's own default) | default",
            "asr.options.patience | 1.5 | HOME/.config/cesar/config.toml line 5",
            "asr.options.vad | \"true\" | --asr-option",
            "diarize.enabled | (on if a diarization plugin has its models) | default",
            "diarize.plugin | (the first with its models) | default",
            "diarize.num_speakers | (the plugin's own default) | default",
            "diarize.min_speakers | (the plugin's own default) | default",
            "diarize.max_speakers | (the plugin's own default) | default",
            "diarize.options | (none) | default",
            "diarize.speaker_names | (none) | default",
            "diarize.channels | false | default",
            "glossary.source | (none) | default",
            "glossary.prompt | false | default",
            "format.plugin | (the plugin that writes the format) | default",
            "format.preset | (the plugin's own default) | default",
            "format.options | (none) | default",
            "output.formats | [\"srt\"] | --format",
            "output.dir | (standard output) | default",
            "output.correct_extension | false | default",
            "download.plugin | (the installed one) | default",
            "download.yt_dlp | (`yt-dlp` on the PATH) | default",
            "download.yt_dlp_args | (none) | default",
            "download.yt_dlp_config | false | default",
            "download.cookies | (none) | default",
            "download.options | (none) | default",
            "download.playlist | false | default",
            "download.time_step | \"15 min\" | default",
            "download.ttl | \"24 h\" | default",
            "download.max_size | \"4 GB\" | default",
            "download.max_time | \"4 h\" | default",
            "download.silence | \"30 s\" | default",
            "network.offline | false | default",
            "cache.dir | \"HOME/.cache/cesar\" | default",
            "cache.enabled | false | --no-cache",
            "cache.max_size | \"10 GB\" | default",
            "cache.min_free_disk | \"1 GB\" | default",
            "cache.ttl | (none) | default",
            "cache.lock_timeout | \"2 h\" | default",
            "cache.remote | (none) | default",
            "cache.remote_mode | \"read-write\" | default",
            "cache.remote_key_file | (none) | default",
            "search.enabled | true | default",
            "plugins.dirs | (none) | default",
            "plugins.path | [\"/opt/plugins\"] | CESAR_PLUGIN_PATH",
            "plugins.in_process | false | default",
            "plugins.require_trusted | false | default",
            "plugins.memory_limit | (90 % of the machine's memory) | default",
            "plugins.time_limit | \"off\" | default",
            "plugins.environment | (none) | default",
            "models.dir | (only the standard folders) | default",
            "models.pull | false | default",
            "models.python | (`python3` on the PATH) | default",
            "audio.ffmpeg | (`ffmpeg` on the PATH, if installed) | default",
            "audio.track | (the default track, else the first that can be decoded) | default",
            "audio.strict | false | default",
            "log.progress | (`bar` on a terminal, else `none`) | default",
            "log.format | \"text\" | default",
            "server.host | \"127.0.0.1\" | default",
            "server.port | 5000 | default",
            "server.insecure | false | default",
            "server.workers | 1 | default",
            "server.jobs | (`jobs.db` in the data folder, for one server) | default",
            "server.lease_s | 60 | default",
            "server.max_queue | 1000 | default",
            "server.max_upload_mb | 4096 | default",
            "server.max_unfinished_uploads_mb | 40960 | default",
            "server.blobs | (uploads are on this machine alone) | default",
            "server.max_copies_mb | 20000 | default",
            "server.max_connections | 1024 | default",
            "server.idle_timeout_s | 30 | default",
            "server.cancel_on_disconnect | true | default",
            "server.disconnect_grace_s | 30 | default",
            "server.model_idle_s | 900 | default",
            "server.shutdown_grace_s | 10 | default",
            "server.keep_completed_h | 24 | default",
            "server.keep_failed_h | 168 | default",
            "server.cors_origins | (none) | default",
            "server.allow_private_addresses | false | default",
            "server.webhook_secret | (a secret created at the first start, in `$XDG_DATA_HOME/cesar/webhook.secret` or the database of `server.jobs`) | default",
        ]
    );
}

#[test]
fn secrets_are_hidden() {
    let home = Home::new().with("CESAR_SERVER_WEBHOOK_SECRET", "hunter2");
    let resolved = home.resolve(&[]).unwrap();
    assert_eq!(resolved.settings().server.webhook_secret.as_deref(), Some("hunter2"));
    let show = serde_json::to_string(&resolved.show()).unwrap() + &text_of(&resolved.show());
    assert!(!show.contains("hunter2") && show.contains("(not shown)"), "{show}");
    let home = Home::new().with("CESAR_SERVER_JOBS", "postgres://ann:hunter2@db/jobs");
    let show = text_of(&home.resolve(&[]).unwrap().show());
    assert!(!show.contains("hunter2"), "{show}");
}

#[test]
fn the_json_schema_is_stable() {
    let home = Home::new().with("CESAR_MODELS_DIR", "/models");
    let show = serde_json::to_value(home.resolve(&[]).unwrap().show()).unwrap();
    assert_eq!(show["config_file"], json!(home.file()));
    assert_eq!(show["config_file_exists"], false);
    let rows = show["settings"].as_array().unwrap();
    assert_eq!(
        rows[0],
        json!({"key": "asr.plugin", "value": null, "source": "default"})
    );
    assert!(rows.contains(&json!({"key": "asr.options", "value": {}, "source": "default"})));
    assert!(rows.contains(&json!({"key": "models.dir", "value": "/models", "source": "CESAR_MODELS_DIR"})));
    assert_eq!(show.as_object().unwrap().len(), 3);
}
