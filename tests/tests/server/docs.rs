//! Each `curl` line of README.md and `docs/guide/server.md` works as documented.

use std::process::Command;

use serde_json::Value;

use cesar_tests::server::{Server, wave, with_echo};

#[test]
fn the_curl_commands_of_the_documentation_work() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    for name in ["talk.mp3", "meeting.flac"] {
        sandbox.write(name, wave(2, 1));
    }
    let read = |name: &str| std::fs::read_to_string(cesar_tests::workspace().join(name)).unwrap();
    let texts = ["README.md", "docs/guide/server.md"].map(read);
    let lines = texts.each_ref().map(|text| {
        text.lines()
            .map(|line| line.strip_prefix("$ ").unwrap_or(line))
            .filter(|line| line.starts_with("curl "))
            .collect::<Vec<_>>()
    });
    assert!(!lines[0].is_empty() && lines[1].len() >= 7, "{lines:?}");
    let mut id = String::new();
    for line in lines.concat() {
        let command = line.split("  #").next().unwrap().trim();
        let command = command
            .replace("localhost:5000", &format!("localhost:{}", server.port))
            .replace("/ID", &format!("/{id}"));
        let curl = command.replacen("curl ", "curl --silent --show-error --write-out '\\n%{http_code}' ", 1);
        let output = Command::new("sh")
            .args(["-c", &curl])
            .current_dir(sandbox.work())
            .output()
            .unwrap();
        let answer = String::from_utf8(output.stdout).unwrap();
        let (body, status) = answer.rsplit_once('\n').unwrap();
        // A completed job can be neither cancelled nor retried, and is refused.
        let expected = match command.as_str() {
            command if command.contains("-X DELETE") || command.contains("/retry") => "409",
            command if command.contains("/transcribe") => "202",
            _ => "200",
        };
        assert_eq!(
            status,
            expected,
            "{command}: {body} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        if let Some(new) = serde_json::from_str::<Value>(body).ok().filter(|_| expected == "202") {
            new["id"].as_str().unwrap().clone_into(&mut id);
            server.wait_for(&id, &["completed"]);
        }
    }
}
