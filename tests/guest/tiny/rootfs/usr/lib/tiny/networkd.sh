# Sourced by boot: sets the cards up as the systemd-networkd files in /etc/systemd/network say.
# Understood: Name=, MACAddress=, DHCP=, Address=, Gateway=, DNS=, Domains=, IPv6AcceptRA=, UseGateway=, MTUBytes=.

networkd_value() { sed -n "s/^$2=//p" "$1"; }

networkd_matches() {
    names=$(networkd_value "$1" Name)
    mac=$(networkd_value "$1" MACAddress | tr 'A-F' 'a-f')
    if [ -n "$mac" ] && [ "$mac" != "$(cat "/sys/class/net/$2/address")" ]; then return 1; fi
    [ -z "$names" ] && return 0
    for pattern in $names; do
        # shellcheck disable=SC2254  # A pattern is wanted here.
        case $2 in $pattern) return 0 ;; esac
    done
    return 1
}

networkd_card() {
    file=$1 card=$2
    mtu=$(networkd_value "$file" MTUBytes)
    [ -n "$mtu" ] && ip link set "$card" mtu "$mtu"
    [ "$(networkd_value "$file" IPv6AcceptRA)" = no ] && echo 0 >"/proc/sys/net/ipv6/conf/$card/accept_ra"
    ip link set "$card" up
    for address in $(networkd_value "$file" Address); do
        case $address in
        *:*) ip -6 addr add "$address" dev "$card" && net_wait6 "$card" ;;
        *) ip addr add "$address" dev "$card" ;;
        esac
    done
    for gateway in $(networkd_value "$file" Gateway); do
        case $gateway in
        *:*) ip -6 route add default via "$gateway" dev "$card" ;;
        *) ip route add default via "$gateway" dev "$card" ;;
        esac
    done
    for server in $(networkd_value "$file" DNS); do echo "nameserver $server" >>/etc/resolv.conf; done
    domains=$(networkd_value "$file" Domains)
    [ -n "$domains" ] && echo "search $domains" >>/etc/resolv.conf
    case $(networkd_value "$file" DHCP) in
    # Goes on in the background, so that the lease is renewed.
    yes | ipv4 | true)
        router=keep
        [ "$(networkd_value "$file" UseGateway)" = no ] && router=drop
        GATEWAY=$router udhcpc -i "$card" -b -t 20 -T 1 -s /usr/lib/tiny/udhcpc.sh -x hostname:"$(hostname)" >/dev/null 2>&1
        ;;
    esac
}

networkd_apply() {
    : >/etc/resolv.conf
    for dir in /sys/class/net/*; do
        [ -e "$dir/device" ] || continue
        for file in /etc/systemd/network/*.network; do
            [ -e "$file" ] || continue
            if networkd_matches "$file" "${dir##*/}"; then
                networkd_card "$file" "${dir##*/}"
                break
            fi
        done
    done
}
