#!/usr/bin/env bash
# Measures a group of processes on "machines" that are network namespaces, with a link of limited bandwidth each.
#
# Run:    bench/mpi/netns.sh HOSTS RATE [COMMAND…]      such as 4 1gbit; default: the measure of bench/mpi
# Needs:  root, Go, Open MPI with its headers, iproute2 (Debian: libopenmpi-dev openmpi-bin pkg-config iproute2)
#
# Each host is a namespace with a name of its own and one link to a bridge in a further namespace. What it sends is
# held back to RATE by tc's token bucket. DELAY=100us adds a delay to every packet by tc's netem, where the kernel has
# it. Processes talk by TCP alone. All hosts share this machine's processors: sums can be compared with the model, steps
# only as far as the cores go.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
hosts=$1 rate=$2
shift 2
folder=$(mktemp -d)
made=()
clean() {
    for n in "${made[@]}"; do ip netns del "$n" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap clean EXIT
space() { ip netns add "$1" && made+=("$1") && ip -n "$1" link set lo up; }

switch=gander-switch-$$
space "$switch"
ip -n "$switch" link add bridge type bridge
ip -n "$switch" link set bridge up
list=
for i in $(seq "$hosts"); do
    host=gander-host-$$-$i
    space "$host"
    ip -n "$host" link add eth0 type veth peer name "port$i" netns "$switch"
    ip -n "$switch" link set "port$i" master bridge up
    ip -n "$host" addr add "10.77.0.$i/24" dev eth0
    ip -n "$host" link set eth0 up
    # Packets of up to 64 KB go through at once: the bucket has to hold one.
    ip netns exec "$host" tc qdisc add dev eth0 root handle 1: tbf rate "$rate" burst 128kb latency 2s
    [ -z "${DELAY:-}" ] || ip netns exec "$host" tc qdisc add dev eth0 parent 1: netem delay "$DELAY"
    list=$list${list:+,}10.77.0.$i:1
done

# What mpirun calls in place of ssh: the address of a host, and what to run there.
cat >"$folder/agent" <<AGENT
#!/bin/sh
host=gander-host-$$-\${1##*.}
shift
exec ip netns exec "\$host" unshare --uts sh -c "hostname \$host; \$*"
AGENT
chmod +x "$folder/agent"
if [ $# = 0 ]; then
    go build -tags mpi -o "$folder/measure" ./bench/mpi
    set -- "$folder/measure" measure
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
"$folder/agent" 10.77.0.1 exec mpirun -H "$list" -np "$hosts" --bind-to none --mca plm_rsh_agent "$folder/agent" \
    --mca btl tcp,self --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 "$@"
