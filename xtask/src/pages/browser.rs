//! A browser without a window, driven over two pipes by its own debugging protocol: requests and answers are JSON, each
//! ended by a zero byte. Why not a driver's library: five requests are all that is needed. It must never know what a page is
//! about.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::Result;

/// Under these names a browser of the family may be installed.
const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
/// The browser speaks on the descriptors 3 and 4; what this process holds are the shell's input and output.
const SCRIPT: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null";
/// Runs in each page: how wide it is, how high, and which texts are too faint.
const INSPECT: &str = include_str!("inspect.js");

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Part of the screenshot's name.
    pub(super) name: &'static str,
    /// Of the window, in CSS pixels.
    pub(super) width: u32,
    /// `light` or `dark`.
    pub(super) scheme: &'static str,
}

/// What was seen.
#[derive(Debug)]
pub(super) struct Seen {
    /// The whole page as PNG.
    pub(super) picture: Vec<u8>,
    /// What is wrong with it, a sentence each.
    pub(super) faults: Vec<String>,
}

/// A running browser with one tab; ended with this value.
pub(super) struct Browser {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    number: u64,
    session: Option<String>,
    faults: Vec<String>,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program: the variable GRADUS_BROWSER, else whichever name is found first.
fn program() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("GRADUS_BROWSER") {
        return Ok(path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = NAMES.iter().flat_map(|name| std::env::split_paths(&path).map(move |at| at.join(name)));
    places.find(|place| place.is_file()).ok_or_else(|| {
        format!(
            "no browser: install Chromium (on Debian: apt-get install chromium) or name one in GRADUS_BROWSER; looked for {}",
            NAMES.join(", ")
        )
    })
}

impl Browser {
    /// Starts it, with its files in `profile`.
    ///
    /// # Errors
    /// If there is none, or it does not answer.
    pub(super) fn start(profile: &Path) -> Result<Self> {
        let program = program()?;
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT]).arg(&program).arg(format!("--user-data-dir={}", profile.display()));
        // Without its sandbox it also runs as root and in containers; it is shown our own pages only.
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]);
        command.args(["--no-first-run", "--remote-debugging-pipe", "about:blank"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let named = |what: &str| format!("{}: {what}", program.display());
        let mut child = command.spawn().map_err(|error| named(&error.to_string()))?;
        let (requests, answers) =
            child.stdin.take().zip(child.stdout.take()).ok_or_else(|| named("no pipes"))?;
        let answers = BufReader::new(answers);
        let mut own = Self { child, requests, answers, number: 0, session: None, faults: Vec::new() };
        let tab = own.ask("Target.createTarget", json!({ "url": "about:blank" }))?;
        let tab = json!({ "targetId": tab["targetId"], "flatten": true });
        let session = own.ask("Target.attachToTarget", tab)?;
        own.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            own.ask(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(own)
    }

    fn read(&mut self) -> Result<Value> {
        let mut text = Vec::new();
        self.answers.read_until(0, &mut text).map_err(|error| format!("the browser: {error}"))?;
        if text.pop().is_none() {
            return Err("the browser has ended; run it by hand to see why".to_owned());
        }
        let value: Value = serde_json::from_slice(&text).map_err(|error| format!("the browser: {error}"))?;
        self.faults.extend(fault(&value));
        Ok(value)
    }

    /// Sends a request and waits for its answer.
    fn ask(&mut self, method: &str, parameters: Value) -> Result<Value> {
        self.number += 1;
        let mut request = json!({ "id": self.number, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        let text = format!("{request}\0");
        self.requests.write_all(text.as_bytes()).map_err(|error| format!("the browser: {error}"))?;
        loop {
            let answer = self.read()?;
            if answer["id"] == self.number {
                return match answer.get("error") {
                    Some(error) => Err(format!("the browser, asked for {method}: {error}")),
                    None => Ok(answer["result"].clone()),
                };
            }
        }
    }

    /// Opens a file and looks at all of it.
    ///
    /// # Errors
    /// If the browser fails; faults of the page are no errors.
    pub(super) fn look(&mut self, page: &Path, look: Look) -> Result<Seen> {
        let Look { width, scheme, .. } = look;
        self.faults.clear();
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.ask("Emulation.setDeviceMetricsOverride", metrics)?;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.ask("Emulation.setEmulatedMedia", media)?;
        let opened = self.ask("Page.navigate", json!({ "url": format!("file://{}", page.display()) }))?;
        if let Some(error) = opened["errorText"].as_str() {
            return Err(format!("{}: {error}", page.display()));
        }
        while self.read()?["method"] != "Page.loadEventFired" {}
        let found = self.ask("Runtime.evaluate", json!({ "expression": INSPECT, "returnByValue": true }))?;
        let found = &found["result"]["value"];
        let size =
            |name: &str| found[name].as_f64().ok_or_else(|| format!("the page was not inspected: {found}"));
        let (wide, high) = (size("width")?, size("height")?);
        let mut faults = std::mem::take(&mut self.faults);
        if wide > f64::from(width) {
            let widest = found["widest"].as_str().unwrap_or("");
            faults.push(format!("it is {wide} pixels wide in a window of {width}; the widest is {widest}"));
        }
        let faint = found["faint"].as_array().into_iter().flatten().filter_map(Value::as_str);
        faults.extend(faint.map(|text| format!("too faint: {text}")));
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": high, "scale": 1 });
        let shot = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let shot = self.ask("Page.captureScreenshot", shot)?;
        let picture = from_base64(shot["data"].as_str().unwrap_or(""));
        Ok(Seen { picture, faults })
    }
}

/// What an event says is wrong with the page: an error, a warning, or a request of anything beyond itself.
fn fault(event: &Value) -> Option<String> {
    let of = &event["params"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => text(&of["exceptionDetails"]["exception"]["description"])
            .or_else(|| text(&of["exceptionDetails"]["text"])),
        "Runtime.consoleAPICalled" if ["error", "warning", "assert"].contains(&of["type"].as_str()?) => {
            Some(format!("the console says {}", of["args"]))
        }
        "Log.entryAdded" if ["error", "warning"].contains(&of["entry"]["level"].as_str()?) => {
            text(&of["entry"]["text"])
        }
        "Network.requestWillBeSent" => {
            let url = of["request"]["url"].as_str()?;
            let own = of["type"] == "Document" || url.starts_with("data:");
            (!own).then(|| format!("it asks for {url}"))
        }
        _ => None,
    }
}

/// The bytes behind a text of base64; what is none of its letters is passed over.
fn from_base64(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        (bits, count) = (bits << 6 | u32::from(digit), count + 6);
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read() {
        let cases = [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9v\nYmFy", "foobar"),
            ("+/+/", ""),
        ];
        for (text, plain) in &cases[..5] {
            assert_eq!(from_base64(text), plain.as_bytes());
        }
        assert_eq!(from_base64(cases[5].0), [0xFB, 0xFF, 0xBF]);
    }

    #[test]
    fn faults_are_told_from_the_rest() {
        let request = |url: &str, kind: &str| json!({ "method": "Network.requestWillBeSent", "params": { "type": kind, "request": { "url": url } } });
        assert_eq!(fault(&request("file:///page.html", "Document")), None);
        assert_eq!(fault(&request("data:image/png;base64,AA", "Image")), None);
        let font = fault(&request("https://fonts.example/a.woff", "Font"));
        assert_eq!(font.as_deref(), Some("it asks for https://fonts.example/a.woff"));
        let thrown =
            json!({ "method": "Runtime.exceptionThrown", "params": { "exceptionDetails": { "text": "x" } } });
        assert_eq!(fault(&thrown).as_deref(), Some("x"));
        let said = |level: &str| json!({ "method": "Log.entryAdded", "params": { "entry": { "level": level, "text": "y" } } });
        assert_eq!((fault(&said("error")).as_deref(), fault(&said("info"))), (Some("y"), None));
        assert_eq!(fault(&json!({ "id": 3, "result": {} })), None);
    }
}
