//! What needs the guest's cooperation: its addresses and commands run by its agent.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;
use virt::domain::Domain;
use virt::error::{Error, ErrorNumber};
use virt_sys as sys;

use super::super::hypervisor::{GuestExit, HypervisorError, Result};
use super::connection::Session;
use super::domains::ours;
use super::error::is_any;
use super::interfaces;
use super::xml::agent_connected;
use crate::spec::VmName;

/// Most that is kept of a command's output.
const OUTPUT_MAX: usize = 4096;
/// How long the agent may take for one answer; it answers at once or not at all.
const ANSWER: i32 = 5;
/// Between two questions whether the command has ended.
const POLL: Duration = Duration::from_millis(100);

/// See `Hypervisor::addresses`. Asks for DHCP leases first, then the agent where it is connected, then the ARP table; the first
/// that knows any address answers.
pub(super) fn addresses(session: &Session, vm: &VmName, uuid: Uuid) -> Result<Vec<IpAddr>> {
    let Some((domain, _)) = ours(session, vm, uuid)? else { return Ok(Vec::new()) };
    if !session.check("domain", "look at domain", vm.as_str(), domain.is_active())? {
        return Ok(Vec::new());
    }
    for source in [
        sys::VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
        sys::VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT,
        sys::VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP,
    ] {
        // Asking an agent that is not there takes seconds.
        if source == sys::VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT && !domain.xml_desc(0).is_ok_and(|xml| agent_connected(&xml)) {
            continue;
        }
        let known = match interfaces::addresses(&domain, source) {
            Ok(known) => known,
            Err(_) if session.connect.is_alive().unwrap_or(false) => continue,
            Err(error) => return session.check("domain", "ask for addresses of", vm.as_str(), Err(error)),
        };
        let found: BTreeSet<IpAddr> = known.into_iter().filter(|address| reachable(*address)).collect();
        if !found.is_empty() {
            return Ok(found.into_iter().collect());
        }
    }
    Ok(Vec::new())
}

/// Whether the VM can be reached by `address` from elsewhere.
fn reachable(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(four) => four.is_link_local(),
        IpAddr::V6(six) => six.is_unicast_link_local(),
    };
    !(link_local || address.is_loopback() || address.is_unspecified())
}

/// See `Hypervisor::guest_exec`.
pub(super) fn exec(session: &Session, vm: &VmName, uuid: Uuid, argv: &[String], timeout: Duration) -> Result<GuestExit> {
    let silent = |reason: &str| HypervisorError::GuestAgent { vm: vm.clone(), reason: reason.to_owned() };
    let Some((program, arguments)) = argv.split_first() else { return Err(silent("no command was given")) };
    let Some((domain, _)) = ours(session, vm, uuid)? else { return Err(silent("there is no such domain")) };
    let deadline = Instant::now() + timeout;

    let command = json!({
        "execute": "guest-exec",
        "arguments": { "path": program, "arg": arguments, "capture-output": true },
    });
    let pid =
        ask(session, &domain, vm, &command)?["pid"].as_i64().ok_or_else(|| silent("it did not say which process it began"))?;
    let question = json!({ "execute": "guest-exec-status", "arguments": { "pid": pid } });
    loop {
        let status = ask(session, &domain, vm, &question)?;
        if status["exited"] == Value::Bool(true) {
            return Ok(read_exit(&status));
        }
        if Instant::now() >= deadline {
            return Err(silent(&format!("`{program}` is still running after {} s", timeout.as_secs())));
        }
        thread::sleep(POLL);
    }
}

/// One question to the agent; what is within `return`.
fn ask(session: &Session, domain: &Domain, vm: &VmName, command: &Value) -> Result<Value> {
    let answer = match domain.qemu_agent_command(&command.to_string(), ANSWER, 0) {
        Ok(answer) => answer,
        Err(error) if is_about_agent(&error) && session.connect.is_alive().unwrap_or(false) => {
            let mut reason = error.message().to_owned();
            // As RHEL and its relatives ship it.
            if reason.contains("has been disabled") {
                reason.push_str("; its configuration (/etc/sysconfig/qemu-ga) has to allow guest-exec and guest-exec-status");
            }
            return Err(HypervisorError::GuestAgent { vm: vm.clone(), reason });
        }
        Err(error) => return session.check("domain", "ask the guest agent of", vm.as_str(), Err(error)),
    };
    let mut answer: Value = serde_json::from_str(&answer)
        .map_err(|error| HypervisorError::GuestAgent { vm: vm.clone(), reason: format!("its answer is not JSON: {error}") })?;
    Ok(answer["return"].take())
}

/// Errors that lie with the guest: its agent is not there (yet), refuses, or the domain is off.
fn is_about_agent(error: &Error) -> bool {
    is_any(
        error,
        &[
            ErrorNumber::AgentUnresponsive,
            ErrorNumber::AgentUnsynced,
            ErrorNumber::AgentCommandTimeout,
            ErrorNumber::AgentCommandFailed,
            ErrorNumber::ArgumentUnsupported,
            ErrorNumber::OperationInvalid,
            ErrorNumber::OperationTimeout,
            ErrorNumber::InternalError,
        ],
    )
}

fn read_exit(status: &Value) -> GuestExit {
    let code = status["exitcode"].as_i64();
    let signal = status["signal"].as_i64().map(|signal| 128 + signal);
    let number = code.or(signal).and_then(|number| i32::try_from(number).ok()).unwrap_or(-1);
    let mut bytes = decode_base64(status["out-data"].as_str().unwrap_or_default());
    bytes.extend(decode_base64(status["err-data"].as_str().unwrap_or_default()));
    bytes.truncate(OUTPUT_MAX);
    GuestExit { status: number, output: String::from_utf8_lossy(&bytes).into_owned() }
}

/// What the agent's base64 (RFC 4648 §4) holds, up to the first character that is none of it.
fn decode_base64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => Some(u32::from(c - b'A')),
        b'a'..=b'z' => Some(u32::from(c - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(c - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for six in text.bytes().map_while(value) {
        bits = (bits << 6 | six) & 0xff_ffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_rfc_4648_decodes() {
        for (text, plain) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decode_base64(text), plain.as_bytes(), "{text}");
        }
        assert_eq!(decode_base64("/+8="), [0xff, 0xef]);
    }

    #[test]
    fn a_signal_counts_as_in_a_shell() {
        assert_eq!(read_exit(&json!({ "exited": true, "signal": 9 })).status, 137);
        let exit = read_exit(&json!({ "exited": true, "exitcode": 3, "out-data": "b3V0Cg==", "err-data": "ZXJyCg==" }));
        assert_eq!(exit, GuestExit { status: 3, output: "out\nerr\n".to_owned() });
    }
}
