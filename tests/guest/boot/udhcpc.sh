#!/bin/busybox sh
# Called by udhcpc with what the DHCP server said in the environment.
case $1 in
bound | renew)
    ip addr flush dev "$interface" scope global
    ip addr add "$ip/${mask:-24}" dev "$interface"
    [ "$GATEWAY" = drop ] && router=
    for gateway in $router; do ip route add default via "$gateway" dev "$interface"; done
    : >/etc/resolv.conf
    [ -n "$domain" ] && echo "search $domain" >>/etc/resolv.conf
    for server in $dns; do echo "nameserver $server" >>/etc/resolv.conf; done
    ;;
deconfig) ip link set "$interface" up ;;
esac
exit 0
