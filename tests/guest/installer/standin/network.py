"""The network of the installed system, from the `network` lines. Pure.

Written as systemd-networkd files, which the full distribution runs and tiny's init can read.
"""

import ipaddress


def device_match(spec, cards):
    """The [Match] line for --device; `cards` is a list of `(name, mac)`, the one the installer booted from first."""
    first = cards[0] if cards else ("eth0", "")
    if not spec or spec in ("link", "bootif", "ibft"):
        return "MACAddress=" + first[1]
    if spec.count(":") == 5:
        return "MACAddress=" + spec.lower()
    return "Name=" + spec


def prefix_of(mask):
    """`255.255.255.0` as 24; anything that is no mask counts as 24, as nobody checks it."""
    try:
        return ipaddress.ip_network("0.0.0.0/" + mask).prefixlen
    except ValueError:
        return 24


def network_file(command, cards):
    """The text of one .network file, or None for a card that is not for the boot."""
    if not command.onboot:
        return None
    wants4 = not getattr(command, "noipv4", False)
    wants6 = not getattr(command, "noipv6", False)
    dhcp4 = wants4 and not command.ip and command.bootProto in ("dhcp", "", None)
    dhcp6 = wants6 and command.ipv6 == "dhcp"
    lines = ["[Match]", device_match(command.device, cards), "", "[Network]"]
    lines.append("DHCP=" + {(True, True): "yes", (True, False): "ipv4", (False, True): "ipv6", (False, False): "no"}[(dhcp4, dhcp6)])
    lines.append("IPv6AcceptRA=" + ("yes" if wants6 and command.ipv6 in ("", None, "auto") else "no"))
    if not wants6:
        lines.append("LinkLocalAddressing=no")
    if wants4 and command.ip and command.ip != "dhcp":
        lines.append("Address=%s/%d" % (command.ip, prefix_of(command.netmask or "255.255.255.0")))
    if wants6 and command.ipv6 and command.ipv6 not in ("auto", "dhcp", "ignore"):
        lines.append("Address=" + (command.ipv6 if "/" in command.ipv6 else command.ipv6 + "/64"))
    default_route = not getattr(command, "nodefroute", False)
    if wants4 and command.gateway and default_route:
        lines.append("Gateway=" + command.gateway)
    if wants6 and getattr(command, "ipv6gateway", "") and default_route:
        lines.append("Gateway=" + command.ipv6gateway)
    for server in nameservers([command]):
        lines.append("DNS=" + server)
    domains = [d for d in (getattr(command, "ipv4_dns_search", "") or "").split(",") if d]
    if domains:
        lines.append("Domains=" + " ".join(domains))
    if not default_route:
        lines += ["", "[DHCPv4]", "UseGateway=no"]
    if command.mtu:
        lines += ["", "[Link]", "MTUBytes=" + command.mtu]
    return "\n".join(lines) + "\n"


def only_names_the_host(arguments):
    """Whether a `network` line, as written, is about the host name and no card."""
    return bool(arguments) and all(a.startswith("--hostname=") for a in arguments)


def network_files(kickstart, cards):
    """`{file name: text}`, one for each line that configures a card."""
    named = {line for line, (_, *arguments) in kickstart.lines("network") if only_names_the_host(arguments)}
    files = {}
    for command in kickstart.data.network.network:
        if command.lineno in named:
            continue
        text = network_file(command, cards)
        if text:
            name = (command.device or "link").replace(":", "")
            files["10-%s.network" % name] = text
    return files


def nameservers(commands):
    return [s for c in commands for s in (c.nameserver or "").split(",") if s]


def hostname_of(commands):
    """The last --hostname, or None."""
    names = [c.hostname for c in commands if c.hostname]
    return names[-1] if names else None
