# The network of an initrd and of the tiny distribution: sourced by installer-init and by tiny's init.
# net_rename gives the cards the names that udev would give; net_up follows `ip=`, `nameserver=` and `BOOTIF=`.

# enp1s0 for a card behind a PCI Express port, ens3 for one on the root bus; unless net.ifnames=0.
net_rename() {
    grep -qw 'net.ifnames=0' /proc/cmdline && return
    for dir in /sys/class/net/eth*; do
        [ -e "$dir/device" ] || continue
        pci=$(readlink -f "$dir/device")
        pci=${pci%/virtio*}
        pci=${pci##*/}
        bus=$((0x$(echo "$pci" | cut -d: -f2)))
        slot=$((0x$(echo "$pci" | cut -d: -f3 | cut -d. -f1)))
        if [ $bus = 0 ]; then name=ens$slot; else name=enp${bus}s$slot; fi
        ip link set "${dir##*/}" name "$name"
    done
}

# net_by_mac MAC: the name of the card with that address.
net_by_mac() {
    for dir in /sys/class/net/*; do
        [ "$(cat "$dir/address")" = "$1" ] && echo "${dir##*/}" && return
    done
    return 1
}

net_first() {
    for dir in /sys/class/net/*; do
        [ -e "$dir/device" ] && echo "${dir##*/}" && return
    done
    return 1
}

# net_fields TEXT: TEXT split at the colons outside brackets, one a line, brackets removed.
net_fields() {
    echo "$1" | sed -e ':a' -e 's/\(\[[^]:]*\):\([^]]*\]\)/\1~\2/' -e 'ta' -e 's/[][]//g' | tr ':' '\n' | tr '~' ':'
}

net_dhcp() {
    ip link set "$1" up
    udhcpc -i "$1" -n -q -t 12 -T 1 -s /lib/udhcpc.sh -x hostname:"$(hostname)" >/dev/null 2>&1 && return
    echo "dracut-initqueue[$$]: Warning: DHCP got no lease on $1"
    return 1
}

# net_wait6 CARD: until duplicate address detection lets the addresses be used, at most 5 s.
net_wait6() {
    tries=0
    while ip -6 addr show dev "$1" | grep -q tentative && [ $tries -lt 50 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
}

# net_static CARD ADDRESS PREFIX-OR-MASK GATEWAY
net_static() {
    ip link set "$1" up
    case $2 in
    *:*) ip -6 addr add "$2/${3:-64}" dev "$1" && net_wait6 "$1" && { [ -z "$4" ] || ip -6 route add default via "$4" dev "$1"; } ;;
    *) ip addr add "$2/${3:-24}" dev "$1" && { [ -z "$4" ] || ip route add default via "$4" dev "$1"; } ;;
    esac
}

net_up() {
    ip link set lo up
    net_rename
    bootif='' spec=''
    : >/etc/resolv.conf
    for word in $(cat /proc/cmdline); do
        case $word in
        BOOTIF=*) bootif=$(net_by_mac "$(echo "${word#BOOTIF=}" | sed 's/^01-//; y/-ABCDEF/:abcdef/')") ;;
        ip=*) spec=${word#ip=} ;;
        nameserver=*) echo "nameserver $(echo "${word#*=}" | tr -d '[]')" >>/etc/resolv.conf ;;
        esac
    done
    card=${bootif:-$(net_first)} || return 1
    case $spec in
    '' | dhcp | on | any) net_dhcp "$card" ;;
    *:dhcp | *:dhcp:*)
        named=${spec%%:dhcp*}
        [ -e "/sys/class/net/$named" ] || { echo "dracut-initqueue[$$]: Warning: no device '$named' for ip=$spec"; return 1; }
        net_dhcp "$named"
        ;;
    *)
        set -f
        IFS='
'
        # client:peer:gateway:netmask:hostname:interface:autoconf
        set -- $(net_fields "$spec" | sed 's/^$/-/')
        unset IFS
        set +f
        [ $# -ge 4 ] || { echo "dracut-initqueue[$$]: Warning: cannot parse ip=$spec"; return 1; }
        client=$1 gateway=$3 mask=$4 host=${5:--} named=${6:--}
        [ "$gateway" = - ] && gateway=
        [ "$named" = - ] && named=$card
        [ "$host" = - ] || hostname "$host"
        [ -e "/sys/class/net/$named" ] || { echo "dracut-initqueue[$$]: Warning: no device '$named' for ip=$spec"; return 1; }
        net_static "$named" "$client" "$mask" "$gateway"
        ;;
    esac
}
