/**
 * The services that ports are registered for: those of the IANA registry that people meet, and some that are in wide use
 * without a registration. Source: https://www.iana.org/assignments/service-names-port-numbers (RFC 6335); where the
 * registered name is one that nobody knows (`www-http`, `ms-wbt-server`), the usual name stands instead.
 *
 * Each word is `port name`, by transport: a port may mean one thing over TCP and another, or nothing, over UDP.
 */

/** The same over TCP and UDP. */
export const SERVICES_BOTH = `
7 echo,9 discard,13 daytime,17 qotd,19 chargen,37 time,49 tacacs,53 dns,80 http,88 kerberos,111 rpcbind,
135 msrpc,137 netbios-ns,138 netbios-dgm,139 netbios-ssn,177 xdmcp,213 ipx,389 ldap,443 https,445 smb,464 kpasswd,
500 isakmp,514 syslog,554 rtsp,623 ipmi,631 ipp,636 ldaps,646 ldp,749 kerberos-adm,853 dns-over-tls,
1194 openvpn,1434 ms-sql-m,1645 radius-old,1646 radacct-old,1701 l2tp,1812 radius,1813 radius-acct,1900 ssdp,
2000 cisco-sccp,2049 nfs,2086 gnunet,2123 gtp-control,2152 gtp-user,2427 mgcp-gateway,2727 mgcp-callagent,
3389 rdp,3478 stun,3544 teredo,3702 ws-discovery,4500 ipsec-nat-t,4569 iax,4789 vxlan,4791 roce,
5004 rtp,5005 rtcp,5060 sip,5061 sips,5349 stuns,5351 nat-pmp,5353 mdns,5355 llmnr,5683 coap,5684 coaps,
6081 geneve,6881 bittorrent,8801 zoom,8883 mqtts,9993 zerotier,10110 nmea-0183,17500 dropbox-lan,27015 steam,
27036 steam-stream,32400 plex,32469 plex-dlna,41641 tailscale,51413 transmission,64738 mumble
`;

export const SERVICES_TCP = `
1 tcpmux,11 systat,15 netstat,20 ftp-data,21 ftp,22 ssh,23 telnet,25 smtp,43 whois,70 gopher,79 finger,
102 iso-tsap,104 dicom,109 pop2,110 pop3,113 ident,119 nntp,143 imap,163 cmip-man,164 cmip-agent,174 mailq,
179 bgp,194 irc,199 smux,209 qmtp,210 z3950,220 imap3,345 pawserv,346 zserv,369 rpc2portmap,370 codaauth2,
427 slp,444 snpp,465 smtps,487 saft,502 modbus,512 exec,513 login,515 printer,517 talk,530 courier,
532 netnews,538 gdomap,540 uucp,543 klogin,544 kshell,546 dhcpv6-client,548 afp,556 remotefs,563 nntps,
587 submission,593 http-rpc-epmap,601 syslog-conn,607 nqs,628 qmqp,639 msdp,655 tinc,674 acap,690 vatp,691 ms-exchange-routing,
700 epp,706 silc,720 smqp,750 kerberos4,754 krb-prop,760 krbupdate,765 webster,775 entomb,777 multiling-http,
783 spamassassin,808 mc-nmf,830 netconf-ssh,831 netconf-beep,843 flash-policy,860 iscsi,873 rsync,902 vmware-auth,
903 vmware-console,953 rndc,989 ftps-data,990 ftps,992 telnets,993 imaps,994 ircs,995 pop3s,
1080 socks,1093 proofd,1094 rootd,1099 java-rmi,1127 sup-debug,1178 skkserv,1214 kazaa,1236 rmtcfg,1241 nessus,
1300 xtel,1313 xtelw,1314 xtel-admin,1352 lotus-notes,1433 ms-sql,1494 citrix-ica,1521 oracle,1524 ingreslock,
1526 oracle-alt,1529 support,1649 kermit,1677 groupwise,1720 h323,1723 pptp,1755 ms-streaming,1801 msmq,1863 msnp,
1883 mqtt,1935 rtmp,1984 bigbrother,2003 graphite,2010 pipe-server,2053 knetd,2080 autodesk-nlm,2082 cpanel,
2083 cpanels,2087 whm-tls,2095 webmail,2096 webmails,2101 rtcm-sc104,2103 msmq-rpc,2105 eklogin,2111 kx,
2119 gsigatekeeper,2135 gris,2181 zookeeper,2222 ssh-alt,2375 docker,2376 docker-tls,2377 docker-swarm,
2379 etcd-client,2380 etcd-peer,2401 cvspserver,2404 iec-104,2430 venus,2483 oracle-tcp,2484 oracle-tls,2525 smtp-alt,
2583 mon,2600 zebrasrv,2601 zebra,2602 ripd,2603 ripngd,2604 ospfd,2605 bgpd,2606 ospf6d,2607 ospfapi,2608 isisd,
2628 dict,2638 sybase,2792 f5-globalsite,2811 gsiftp,2947 gpsd,2967 ssc-agent,3000 http-dev,3001 http-dev-alt,
3050 firebird,3052 apc-powerchute,3100 loki,3128 squid,3200 sap-dispatch,3205 isns,3260 iscsi-target,3268 ldap-gc,3269 ldaps-gc,
3283 apple-remote-desktop,3300 ceph-mon,3306 mysql,3310 clamav,3351 btrieve,3493 nut,3541 voispeed,3632 distcc,
3689 daap,3690 svn,4031 suucp,4094 sysrqd,4190 sieve,4222 nats,4242 hbase-tsdb,4369 epmd,4373 remctl,4443 https-dev,
4444 metasploit,4505 salt-publish,4506 salt-request,4557 fax,4559 hylafax,4592 bacnet-bws,4600 distmp3,4646 nomad,
4647 nomad-rpc,4648 nomad-serf,4662 edonkey,4786 cisco-smart-install,4840 opc-ua,4848 glassfish,4899 radmin,4949 munin,
5000 upnp,5001 iperf,5037 adb,5044 beats,5050 mmcc,5051 enbd-cstatd,5052 enbd-sstatd,5102 pcrd,5151 pcrd-alt,
5190 aim,5201 iperf3,5222 xmpp,5223 apple-push,5228 google-push,5229 google-push-alt,5230 google-push-alt,5236 padl2sim,
5269 xmpp-server,5280 xmpp-bosh,5281 xmpp-bosh-tls,5308 cfengine,5357 wsd,5358 wsd-tls,5400 pcoip-alt,5432 postgresql,
5433 postgresql-alt,5500 vnc-listen,5555 adb-device,5556 freeciv,5601 kibana,5631 pcanywhere,5666 nrpe,5667 nsca,
5671 amqps,5672 amqp,5674 mrtd,5675 bgpsim,5680 canna,5800 vnc-http,5900 vnc,5901 vnc-1,5902 vnc-2,5903 vnc-3,
5938 teamviewer,5984 couchdb,5985 winrm,5986 winrm-tls,6000 x11,6001 x11-1,6002 x11-2,6003 x11-3,6010 x11-ssh,
6011 x11-ssh-1,6060 go-debug,6123 flink,6222 nats-route,6346 gnutella,6347 gnutella-alt,6379 redis,6380 redis-tls,
6432 pgbouncer,6443 kubernetes-api,6444 sge-qmaster,6445 sge-execd,6446 mysql-proxy,6481 sun-servicetags,6514 syslog-tls,
6556 checkmk-agent,6566 sane,6600 mpd,6633 openflow-old,6653 openflow,6665 irc-alt,6666 irc-alt,6667 irc,6668 irc-alt,6669 irc-alt,
6697 ircs-u,6783 weave,6789 ceph-mon-old,7000 cassandra,7001 cassandra-tls,7070 realserver,7077 spark-master,7100 font-service,
7199 cassandra-jmx,7233 temporal,7473 neo4j-tls,7474 neo4j,7545 ganache,7547 cwmp,7680 windows-delivery,7687 neo4j-bolt,7946 docker-gossip,
8000 http-alt,8001 http-alt,8005 tomcat-shutdown,8006 proxmox,8008 http-alt,8009 ajp,8020 hdfs-namenode,8021 zope-ftp,
8042 yarn-nodemanager,8065 mattermost,8069 odoo,8080 http-proxy,8081 http-alt,8082 http-alt,8083 influxdb-admin,8086 influxdb,
8087 riak,8088 yarn,8089 splunkd,8090 confluence,8091 couchbase,8096 jellyfin,8098 riak-http,8112 deluge-web,
8118 privoxy,8123 home-assistant,8125 statsd,8139 puppet-agent,8140 puppet,8161 activemq-web,8172 ms-web-deploy,8200 vault,8201 vault-cluster,
8222 nats-http,8291 winbox,8300 consul,8301 consul-serf,8302 consul-serf-wan,8332 bitcoin-rpc,8333 bitcoin,8384 syncthing-web,
8388 shadowsocks,8443 https-alt,8444 https-alt,8500 consul-http,8501 consul-https,8530 wsus,8531 wsus-tls,8545 ethereum-rpc,
8546 ethereum-ws,8600 consul-dns,8728 mikrotik-api,8729 mikrotik-api-tls,8834 nessus-web,8880 http-alt,8888 http-alt,8983 solr,
8990 http-wmap,8999 bittorrent-web,9000 http-alt,9001 tor-orport,9009 pichat,9030 tor-dirport,9042 cassandra-cql,9043 websphere-tls,9050 tor-socks,
9051 tor-control,9060 websphere,9080 http-alt,9090 prometheus,9091 transmission-web,9092 kafka,9093 alertmanager,9094 kafka-alt,
9098 xinetd,9100 jetdirect,9101 bacula-dir,9102 bacula-fd,9103 bacula-sd,9150 tor-browser,9160 cassandra-thrift,9200 elasticsearch,
9229 node-inspector,9300 elasticsearch-node,9306 sphinx,9312 sphinx-api,9390 openvas,9392 openvas-web,9418 git,9443 https-alt,
9523 temporal-web,9600 logstash,9667 xmms2,9735 lightning,9898 http-dev,9999 http-alt,10000 webmin,10050 zabbix-agent,10051 zabbix-server,
10080 amanda,10081 kamanda,10082 amandaidx,10083 amidxtape,10248 kubelet-health,10249 kube-proxy-metrics,10250 kubelet,
10255 kubelet-read-only,10256 kube-proxy-health,10257 kube-controller,10259 kube-scheduler,11112 dicom-alt,11211 memcached,
11371 hkp,11434 ollama,12345 netbus,13720 netbackup,13724 veritas-vnetd,13782 netbackup-bpcd,14265 iota,15000 hydap,15001 envoy,
15672 rabbitmq-web,16010 hbase-master,16379 redis-bus,16509 libvirt,16514 libvirt-tls,17001 sgi-cmsd,18080 monero,18081 monero-rpc,
18083 emqx-web,18332 bitcoin-testnet-rpc,18333 bitcoin-testnet,19132 minecraft-bedrock,19999 netdata,20000 dnp3,20880 dubbo,
22000 syncthing,22125 dcap,22128 gsidcap,22273 wnn6,24007 glusterd,24800 synergy,25565 minecraft,25575 minecraft-rcon,
25672 rabbitmq-cluster,26257 cockroachdb,26379 redis-sentinel,27017 mongodb,27018 mongodb-shard,27019 mongodb-config,
28015 rethinkdb,28017 mongodb-web,29015 rethinkdb-cluster,30303 ethereum,30865 csync2,31337 back-orifice,32764 router-backdoor,
33060 mysql-x,35357 keystone-admin,37777 dahua-dvr,44818 ethernet-ip,47808 bacnet,49152 wsdapi,50000 db2,50051 grpc,
50070 hdfs-web,54321 postgresql-dev,55672 rabbitmq-web-old,57000 dirproxy,60177 tfido,60179 fido,61613 stomp,61616 activemq,
62078 iphone-sync
`;

export const SERVICES_UDP = `
67 dhcp-server,68 dhcp-client,69 tftp,123 ntp,161 snmp,162 snmp-trap,319 ptp-event,320 ptp-general,427 slp,
443 quic,517 talk,518 ntalk,520 rip,521 ripng,525 timed,546 dhcpv6-client,547 dhcpv6-server,655 tinc,
1027 icq,1167 cisco-ipsla,1719 h323-gatestat,2055 netflow,2302 dayz,2456 valheim,3074 xbox-live,3130 icp,3479 playstation,3480 playstation,
3784 bfd-control,3785 bfd-echo,4379 mpls-ping,4433 quic-dev,4672 edonkey,4739 ipfix,4784 bfd-multihop,4788 xmpp-voip,
5246 capwap-control,5247 capwap-data,5678 mikrotik-discovery,6343 sflow,6771 bittorrent-local,6784 bfd-lag,7000 afs3,7001 afs3-callback,
7002 afs3-prserver,7003 afs3-vlserver,7004 afs3-kaserver,7005 afs3-volser,7007 afs3-bos,7008 afs3-update,7009 afs3-rmtsys,
7777 game-server,8125 statsd,8211 palworld,8285 flannel,8472 flannel-vxlan,8600 consul-dns,9987 teamspeak,9995 netflow-alt,9996 netflow-alt,
10001 ubiquiti-discovery,10080 amanda,12222 lwapp-data,12223 lwapp-control,17600 dropbox-lan,19132 minecraft-bedrock,19133 minecraft-bedrock6,
19302 google-stun,19305 google-meet,20595 zeroad,21027 syncthing-discovery,21116 rustdesk,22000 syncthing,24454 minecraft-voice,
25826 collectd,26000 quake,27500 quakeworld,27960 quake3,30303 ethereum-discovery,33434 traceroute,34197 factorio,44818 ethernet-ip,
47808 bacnet,50001 discord-voice,51820 wireguard,51821 wireguard-alt,60001 mosh
`;
