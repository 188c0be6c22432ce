# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The profiles that are there without being defined: what forgets silent connections, after how long, says who.

A profile has its maker's number, or it is not here. The times are those that the audit recommends for it; a test
compares the two, and docs/profiles.md with both.
"""

from __future__ import annotations

import typing as t


class Profile(t.NamedTuple):
    """What stands between two hosts, and the times that a connection over it needs."""

    name: str
    timeout: int
    """Seconds of silence after which it forgets a connection; see failover_fast for the one that is none."""
    times: t.Tuple[int, int, int]
    """keepidle, keepintvl and keepcnt."""
    what: str
    why: str
    """What one has to know of that number."""
    source: str
    """Where its maker, or whoever has measured it, says so."""

    @property
    def tcp(self) -> t.Dict[str, int]:
        """Return the options as an entry has them; the user timeout derives from them, or is said elsewhere."""
        return dict(zip(("keepidle", "keepintvl", "keepcnt"), self.times))


_AWS = "https://docs.aws.amazon.com/"
_AWS_LONG_RUNNING = (
    "https://aws.amazon.com/blogs/networking-and-content-delivery/"
    "implementing-long-running-tcp-connections-within-vpc-networking/"
)
_ORACLE = "https://docs.oracle.com/en-us/iaas/Content/"
_KUBE_PROXY = "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-proxy/"
_NSX = "https://docs.vmware.com/en/VMware-NSX/4.1/administration/GUID-F4187E53-AF72-4B6A-8855-9F9D1469FD0C.html"

_PROFILES = (
    Profile(
        "aws_nlb", 350, (120, 30, 4), "AWS Network Load Balancer, TCP listeners",
        "the default; a listener may have 60 to 6000 s (tcp.idle_timeout.seconds), one for TLS has always 350 s",
        f"{_AWS}elasticloadbalancing/latest/network/update-idle-timeout.html",
    ),
    Profile(
        "aws_gwlb", 350, (120, 30, 4), "AWS Gateway Load Balancer",
        "the default; a listener may have 60 to 6000 s",
        f"{_AWS}elasticloadbalancing/latest/gateway/update-idle-timeout.html",
    ),
    Profile(
        "aws_nat", 350, (120, 30, 4), "AWS NAT gateway",
        "cannot be changed",
        _AWS_LONG_RUNNING,
    ),
    Profile(
        "aws_vpc_endpoint", 350, (120, 30, 4), "AWS interface VPC endpoints (PrivateLink)",
        "cannot be changed",
        _AWS_LONG_RUNNING,
    ),
    Profile(
        "aws_network_firewall", 350, (120, 30, 4), "AWS Network Firewall",
        "the default; a policy may have 60 to 6000 s (TcpIdleTimeoutSeconds)",
        f"{_AWS}network-firewall/latest/APIReference/API_FlowTimeouts.html",
    ),
    Profile(
        "aws_nitro_v6", 350, (120, 30, 4), "AWS security groups of instances on Nitro v6",
        "the default there (TcpEstablishedTimeout of the network interface); 432000 s on earlier ones",
        f"{_AWS}elasticloadbalancing/latest/gateway/update-idle-timeout.html",
    ),
    Profile(
        "azure_lb", 240, (90, 30, 4), "Azure Load Balancer: rules, outbound rules, inbound NAT rules",
        "the default; a rule may have 4 to 100 minutes",
        "https://learn.microsoft.com/en-us/azure/load-balancer/load-balancer-tcp-idle-timeout",
    ),
    Profile(
        "azure_nat", 240, (90, 30, 4), "Azure NAT Gateway",
        "the default; a gateway may have 4 to 120 minutes",
        "https://learn.microsoft.com/en-us/javascript/api/@azure-rest/arm-containerservice/"
        "managedclusternatgatewayprofile",
    ),
    Profile(
        "azure_firewall", 240, (90, 30, 4), "Azure Firewall",
        "the default to and from the Internet; within Azure it is 300 s, and nobody is told with an RST",
        "https://learn.microsoft.com/en-us/azure/firewall/tcp-session-behavior",
    ),
    Profile(
        "gcp_vpc", 600, (240, 60, 4), "Google Cloud VPC, firewall rules",
        "of each instance, whatever is at the other end",
        "https://cloud.google.com/compute/docs/troubleshooting/general-tips",
    ),
    Profile(
        "gcp_nat", 1200, (480, 60, 4), "Google Cloud NAT",
        "the default (tcpEstablishedIdleTimeoutSec); the firewall rules before it forget sooner, take gcp_vpc there",
        "https://pub.dev/documentation/googleapis/latest/compute_v1/RouterNat/tcpEstablishedIdleTimeoutSec.html",
    ),
    Profile(
        "oci_lb", 300, (120, 30, 4), "Oracle Cloud (OCI) Load Balancer",
        "towards its backends; it ends connections itself, so try whether probes count before you rely on it, or raise "
        "the listener's idle timeout",
        f"{_ORACLE}Balance/Reference/connectionreuse.htm",
    ),
    Profile(
        "oci_nlb", 360, (120, 30, 4), "Oracle Cloud (OCI) Network Load Balancer",
        "the default of TCP listeners (tcp-idle-timeout)",
        f"{_ORACLE}NetworkLoadBalancer/NetworkLoadBalancers/configure-idle-timeout.htm",
    ),
    Profile(
        "huawei_elb", 300, (120, 30, 4), "Huawei Cloud and Open Telekom Cloud, Elastic Load Balance, TCP listeners",
        "the default; a listener may have 10 to 4000 s",
        "https://support.huaweicloud.com/intl/en-us/elb_faq/elb_faq_0309.html",
    ),
    Profile(
        "ipvs", 900, (360, 60, 4), "Linux IPVS (LVS, keepalived)",
        "the kernel's default; ipvsadm -l --timeout shows it",
        "https://github.com/torvalds/linux/blob/master/net/netfilter/ipvs/ip_vs_proto_tcp.c",
    ),
    Profile(
        "docker_swarm", 900, (360, 60, 4), "Docker Swarm: services' virtual addresses and the routing mesh",
        "IPVS within the containers' and the mesh's network namespaces, with the kernel's default",
        "https://github.com/moby/moby/issues/31208",
    ),
    Profile(
        "kube_proxy_ipvs", 900, (360, 60, 4), "Kubernetes Services, kube-proxy in IPVS mode",
        "the kernel's default, where --ipvs-tcp-timeout says nothing else",
        _KUBE_PROXY,
    ),
    Profile(
        "kube_proxy", 86400, (600, 60, 4), "Kubernetes Services, kube-proxy in iptables or nftables mode",
        "what it sets on each node by default (--conntrack-tcp-timeout-established)",
        _KUBE_PROXY,
    ),
    Profile(
        "linux_conntrack", 432000, (600, 60, 4), "Linux connection tracking: iptables, nftables, Docker, Podman",
        "the kernel's default; sysctl net.netfilter.nf_conntrack_tcp_timeout_established shows it",
        "https://docs.kernel.org/networking/nf_conntrack-sysctl.html",
    ),
    Profile(
        "pf", 86400, (600, 60, 4), "pf of OpenBSD and FreeBSD",
        "with the timeouts of pf.conf (tcp.established) as they come; 'set optimization aggressive' is shorter",
        "https://man.openbsd.org/pf.conf",
    ),
    Profile(
        "firewall_1h", 3600, (600, 60, 4), "a firewall that forgets after an hour, whoever made it",
        "the default of Cisco ASA, FortiGate, Palo Alto, Check Point and NSX for vSphere",
        "https://www.cisco.com/c/en/us/support/docs/security/secure-firewall-asa/"
        "222075-configure-connection-timeout-for-specifi.html",
    ),
    Profile(
        "cisco_asa", 3600, (600, 60, 4), "Cisco ASA and Secure Firewall",
        "the default (timeout conn 1:00:00)",
        "https://www.cisco.com/c/en/us/support/docs/security/secure-firewall-asa/"
        "222075-configure-connection-timeout-for-specifi.html",
    ),
    Profile(
        "cisco_ios_nat", 86400, (600, 60, 4), "Cisco IOS and IOS XE, NAT",
        "the default (ip nat translation tcp-timeout)",
        "https://www.cisco.com/c/en/us/support/docs/ip/network-address-translation-nat/26704-nat-faq-00.html",
    ),
    Profile(
        "fortigate", 3600, (600, 60, 4), "Fortinet FortiGate",
        "the default (config system session-ttl); a policy may have another",
        "https://community.fortinet.com/t5/FortiGate/Technical-Tip-Default-session-timeout-value-session-ttl/"
        "ta-p/194357",
    ),
    Profile(
        "palo_alto", 3600, (600, 60, 4), "Palo Alto Networks, PAN-OS",
        "the default; an application may have another",
        "https://docs.paloaltonetworks.com/ngfw/help/12-1/device/device-setup-session/session-timeouts",
    ),
    Profile(
        "check_point", 3600, (600, 60, 4), "Check Point",
        "the default (TCP session timeout); a service may have another, aggressive aging shortens it under load",
        "https://community.checkpoint.com/t5/General-Topics/"
        "Long-lived-TCP-connection-got-timed-out-ungracefully-First/td-p/36459",
    ),
    Profile(
        "juniper_srx", 1800, (600, 60, 4), "Juniper SRX",
        "the default of TCP; an application may have another",
        "https://www.juniper.net/documentation/software/junos-security/junos-security10.2/"
        "junos-security-swconfig-security/topic-41970.html",
    ),
    Profile(
        "forcepoint_ngfw", 1800, (600, 60, 4), "Forcepoint NGFW (Stonesoft)",
        "the default of TCP; an access rule may have another",
        "https://help.stonesoft.com/onlinehelp/StoneGate/SMC/6.5.0/GUID-341DC010-2FF3-459A-8DFD-236CF49D63F0.html",
    ),
    Profile(
        "sonicwall", 300, (120, 30, 4), "SonicWall",
        "the default of an access rule (TCP Connection Inactivity Timeout) in SonicOS 5.9; later ones may have more",
        "http://help.sonicwall.com/help/sw/eng/6810/25/9/0/content/Ch72_Firewall_Access%20Rules.081.09.html",
    ),
    Profile(
        "f5_fastl4", 300, (120, 30, 4), "F5 BIG-IP, FastL4 virtual servers",
        "the profile's default (idle-timeout), after which both ends get an RST",
        "https://clouddocs.f5.com/products/extensions/f5-appsvcs-extension/latest/refguide/schemaref/"
        "L4_Profile.schema.json.html",
    ),
    Profile(
        "nsx_edge", 7200, (600, 60, 4), "VMware NSX gateway firewall, on edges",
        "the default, a tie with Linux's own first probe; edges of NSX for vSphere forget after 3600 s: firewall_1h",
        _NSX,
    ),
    Profile(
        "nsx_dfw", 43200, (600, 60, 4), "VMware NSX distributed firewall",
        "the default of its session timers",
        _NSX,
    ),
    Profile(
        "mikrotik", 86400, (600, 60, 4), "MikroTik RouterOS",
        "the default (tcp-established-timeout)",
        "https://wiki.mikrotik.com/wiki/Manual:IP/Firewall/Connection_tracking",
    ),
    Profile(
        "rfc5382_nat", 7440, (600, 60, 4), "any NAT that keeps to RFC 5382",
        "the least that it may have (2 hours 4 minutes); not all keep to it",
        "https://www.rfc-editor.org/rfc/rfc5382",
    ),
    Profile(
        "failover_fast", 30, (5, 5, 3), "nothing in between: a database or another peer that fails over",
        "no idle timeout: the old primary is to be given up by the time the new one has taken over, about 30 s; so "
        "many probes are for few connections, and a network that loses packets for 20 s ends them",
        f"{_AWS}AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.BestPractices.FastFailover.html",
    ),
)  # fmt: skip

PROFILES: t.Dict[str, Profile] = {profile.name: profile for profile in _PROFILES}
"""By name. Those of the operator win over them."""

ENDS_CONNECTIONS: t.Dict[str, str] = {
    "haproxy": "its 'timeout client', 'timeout server' and 'timeout tunnel'",
    "nginx": "its proxy_timeout (stream) or proxy_read_timeout (http)",
    "envoy": "the idle_timeout of its tcp_proxy, or that of its HTTP connection manager",
    "istio": "the idleTimeout of its DestinationRule",
    "aws_alb": "its idle_timeout.timeout_seconds",
    "azure_app_gateway": "the request timeout of its backend settings",
    "octavia": "timeout_client_data and timeout_member_data of its listener",
}
"""What ends connections itself and counts bytes, of which a probe carries none, so that no times would do: by the name
that one might try, what to raise instead."""
