/** What the operating system itself runs: Linux distributions and their desktops, Windows, macOS. */

export const LINUX_SYSTEM = `
systemd, init, upstart, runit, runsvdir, runsvc, runsv, openrc, openrc-init, openrc-run, s6-svscan, s6-supervise
dinit, shepherd, tini, dumb-init, catatonit, systemd-journald, systemd-journal, systemd-udevd, systemd-logind
systemd-resolved, systemd-resolve, systemd-timesyncd, systemd-timesyn, systemd-networkd, systemd-network
systemd-machined, systemd-machine, systemd-hostnamed, systemd-hostnam, systemd-localed, systemd-timedated
systemd-timedat, systemd-oomd, systemd-coredump, systemd-homed, systemd-userdbd, systemd-userwork, systemd-userwor
systemd-portabled, systemd-importd, systemd-executor, systemd-shutdown, systemd-sleep, systemd-fsck
systemd-cgroups-agent, systemd-inhibit, systemd-tty-ask-password-agent, systemd-nspawn, systemd-boot
systemd-detect-virt, systemd-tmpfiles, systemd-sysctl, systemd-modules-load, systemd-random-seed, systemd-update-utmp
systemd-user-runtime-dir, systemd-nsresourced, systemd-nsresou, systemd-mountfsd, systemctl, journalctl, loginctl
networkctl, resolvectl, timedatectl, hostnamectl, localectl, busctl, coredumpctl, machinectl, bootctl, (sd-pam)
sd-pam, udevd, udevadm, eudev, mdev, elogind, elogind-daemon, seatd, consolekit, console-kit-daemon, ck-launch-session
polkitd, polkit-agent-helper-1, polkit-gnome-authentication-agent-1, polkit-kde-authentication-agent-1
polkit-mate-authentication-agent-1, lxpolkit, lxqt-policykit-agent, xfce-polkit, hyprpolkitagent, pkexec, pkttyagent
sudo, sudoedit, su, doas, run0, visudo, login, agetty, getty, mingetty, fgetty, sulogin, nologin, runuser, setpriv
capsh, unshare, nsenter, chroot, pivot_root, switch_root, kexec, shutdown, reboot, halt, poweroff, wall, mesg, newgrp
passwd, chage, useradd, usermod, userdel, groupadd, chsh, chfn, vipw, unix_chkpwd, pam_timestamp_check, getent, nscd
nslcd, sssd, sssd_be, sssd_nss, sssd_pam, sssd_ssh, sssd_kcm, winbindd, oddjobd, realmd, adcli, krb5kdc, kadmind
klogin, gssproxy, slapd, ypbind, authselect, faillock, homectl, userdbctl
dbus-daemon, dbus-broker, dbus-broker-launch, dbus-broker-lau, dbus-launch, dbus-run-session, dbus-uuidgen, dbus-send
gdbus, at-spi-bus-launcher, at-spi2-registryd, at-spi-bus-laun, at-spi2-registr, dconf-service, dconf, gconfd-2
gsettings, gvfsd, gvfsd-fuse, gvfsd-trash, gvfsd-metadata, gvfsd-http, gvfsd-network, gvfsd-dnssd, gvfsd-recent
gvfsd-computer, gvfsd-sftp, gvfsd-smb, gvfsd-smb-browse, gvfsd-mtp, gvfsd-admin, gvfsd-archive, gvfsd-burn
gvfsd-localtest, gvfsd-wsdd, gvfsd-dav, gvfsd-afc, gvfsd-google, gvfs-udisks2-volume-monitor, gvfs-mtp-volume-monitor
gvfs-gphoto2-volume-monitor, gvfs-goa-volume-monitor, gvfs-afc-volume-monitor, gvfs-udisks2-vo, gvfs-gphoto2-vo
gvfs-mtp-volume, gvfs-goa-volume, gvfs-afc-volume, gio, gio-launch-desktop, udisksd, udisks2, udisksctl, udiskie
upowerd, upower, power-profiles-daemon, power-profiles-, tuned, tuned-ppd, tuned-adm, thermald, irqbalance, acpid
acpi_fakekeyd, cpufreqd, earlyoom, nohang, zramd, zram-generator, preload, ananicy, ananicy-cpp, uksmd, rtkit-daemon
accounts-daemon, colord, colord-session, colord-sane, switcheroo-control, switcheroo-cont, iio-sensor-proxy, bolt
boltd, fwupd, fwupdmgr, fwupd-refresh, fprintd, pcscd, usbmuxd, modemmanager, bluetoothd, bluez, obexd, mpris-proxy
bluetooth-sendto, geoclue, geoclue-agent, demo_agent, low-memory-monitor, low-memory-moni, uresourced
nvidia-persistenced, nvidia-persiste, nvidia-powerd, nvidia-modprobe, nv-hostengine, nv-fabricmanager, rasdaemon
mcelog, smartd, smartctl, hdparm, hddtemp, mdadm, mdmon, lvm, lvmetad, lvmpolld, dmeventd, dmsetup, multipathd, iscsid
tgtd, zfs, zpool, zfs-mount-generator, btrfs, btrfsmaintenance, btrfs-cleaner, xfs_repair, fsck, fsck.ext4, e2fsck
e2scrub_all, fstrim, mkfs, mkfs.ext4, mke2fs, tune2fs, resize2fs, mkswap, swapon, swapoff, mount, umount, mount.nfs
mount.cifs, mount.ntfs, mount.ntfs-3g, mount.fuse, ntfs-3g, fusermount, fusermount3, fuse-overlayfs, autofs, automount
losetup, blkid, blkdiscard, findmnt, partprobe, kpartx, quotad, rpc.mountd, rpc.statd, rpc.idmapd, rpc.nfsd, rpcbind
rpc-statd, nfsdcld, nfsd, nfs-ganesha, nfsidmap, blkmapd, smbd, nmbd, smbd-notifyd, samba, samba-dcerpcd, samba-bgqd
cleanupd, ksmbd.mountd, wsdd, wsdd2, netatalk, afpd, cnid_metad
networkmanager, nm-dispatcher, nm-applet, nm-tray, nm-initrd-generator, nm-cloud-setup, nm-openvpn-service
nm-openconnect-service, nm-priv-helper, connmand, connman, wicd, wicd-monitor, iwd, wpa_supplicant, hostapd, dhclient
dhcpcd, dhcpcd5, dhcpd, kea-dhcp4, udhcpc, udhcpd, pppd, pppoe, dnsmasq, named, named-checkconf, unbound
unbound-anchor, pdns_server, pdns_recursor, knotd, kresd, nsd, bind9, avahi-daemon, avahi-autoipd, avahi-dnsconfd
avahi-browse, mdnsd, llmnrd, ntpd, ntpdate, chronyd, chronyc, openntpd, ptp4l, phc2sys, timemaster, lldpd, lldpad
ifup, ifdown, ifupdown, networkd-dispatcher, networkd-dispat, netplan, firewalld, iptables, ip6tables, nft, nftables
ebtables, ipset, conntrack, conntrackd, ulogd, ulogd2, keepalived, zebra, bgpd, ospfd, bird6, frr, watchfrr, radvd
ipsec, pluto, openvswitch, ovs-vswitchd, ovsdb-server, ovn-controller, sshd, sshd-session, sshd-auth, sftp-server
dropbear, inetd, xinetd, in.telnetd, telnetd, vsftpd, proftpd, pure-ftpd, in.tftpd, tftpd, atftpd, postfix, qmgr
tlsmgr, smtpd, trivial-rewrite, sendmail, sendmail.sendmail, exim, exim4, opensmtpd, nullmailer, ssmtp, dovecot
dovecot-auth, imap-login, pop3-login, cyrus-master, courier-imapd, courier, amavisd, amavisd-new, amavis, spamd
spamassassin, rspamd, opendkim, opendmarc, postgrey, policyd-spf, milter-greylist
cron, crond, anacron, atd, fcron, cronie, dcron, run-parts, logrotate, rsyslogd, rsyslog, syslog-ng, syslogd, klogd
metalog, auditd, audispd, audisp-remote, sedispatch, auditctl, ausearch, setroubleshootd, setroubleshoot, sealert
restorecond, semanage, apparmor_parser, aa-notify, abrtd, abrt-dbus, abrt-dump-journal-oops, abrt-dump-journal-core
abrt-dump-journal-xorg, abrt-watch-log, abrt-applet, abrt-notification, apport, apport-gtk, apport-kde, whoopsie
whoopsie-upload-all, kerneloops, kerneloops-applet, kdumpctl, kdump, drkonqi, drkonqi-coredump-launcher
drkonqi-coredump-processor, coredump, apt, apt-get, apt-cache, apt-key, aptd, aptitude, dpkg, dpkg-deb, dpkg-query
dpkg-divert, dpkg-preconfigure, dpkg-split, debconf, debconf-communicate, apt-check, apt-xapian-index
update-apt-xapian-index, apt.systemd.daily, apt-esm-hook, esm_cache, unattended-upgr, unattended-upgrade
unattended-upgrade-shutdown, update-manager, update-notifier, update-motd, update-alternatives, update-initramfs
mkinitramfs, mkinitcpio, dracut, update-grub, grub-install, grub-mkconfig, grub-probe, software-properties-gtk
ubuntu-advantage, ubuntu-advantage-desktop-daemon, ubuntu-report, do-release-upgrade, release-upgrade-motd, synaptic
gdebi, gdebi-gtk, gnome-software, gnome-software-service, plasma-discover, plasma-discover-update, discoverupdate
discovernotifier, snap, snapd, snap-confine, snap-exec, snap-store, snapd-desktop-integration, snapd-desktop-i
snap-update-ns, snap-seccomp, snap-discard-ns, snapfuse, flatpak, flatpak-session-helper, flatpak-portal
flatpak-system-helper, flatpak-oci-authenticator, flatpak-session, flatpak-spawn, xdg-dbus-proxy, revokefs-fuse
p11-kit-server, p11-kit-remote, dnf, dnf5, dnf5daemon-server, dnf-automatic, dnfdragora, yum, rpm, rpm-ostree, rpmdb
rpm-ostreed, rpm-ostree-countme, microdnf, zypper, yast, yast2, y2start, packagekitd, packagekit, pkcon, pkmon
gpk-update-viewer, pacman, pamac, pamac-daemon, pamac-manager, pamac-tray, paru, yay, aura-pkg, octopi
octopi-notifier, apk, xbps-install, xbps-query, emerge, ebuild, eix, portageq, slackpkg, eopkg, swupd, opkg
mintupdate, mintupdate-launcher, mintreport, mintinstall, mintmenu, appstreamcli, appstream-builder, appimaged
appimagelauncher, appimagelauncherd, update-mime-database, update-desktop-database, gtk-update-icon-cache, fc-cache
mandb, ldconfig, depmod, modprobe, insmod, rmmod, kmod, dkms, akmods, sysctl, hwclock, setfont, loadkeys, kbd_mode
setterm, plymouth, plymouthd, fbcon, gpm, kmscon, kmsconvt, brltty, speech-dispatcher, sd_espeak-ng, sd_dummy
sd_generic, sd_openjtalk, espeak, espeak-ng, orca
xorg, x, xwayland, xinit, startx, xorg-x11, xephyr, xvfb, xvfb-run, xwayland-satellite, xauth, xhost, xset, xrdb
xsetroot, xmodmap, setxkbmap, xinput, xprop, xev, xkill, xbindkeys, sxhkd, swhkd, keyd, kanata, kmonad, xremap, xcape
xdotool, ydotoold, numlockx, unclutter, xsettingsd, gdm, gdm3, gdm-session-worker, gdm-wayland-session, gdm-x-session
gdm-host-chooser, gdm-session-wor, gdm-wayland-ses, sddm, sddm-greeter, sddm-greeter-qt6, sddm-helper, lightdm
lightdm-gtk-greeter, lightdm-session, slick-greeter, unity-greeter, lxdm, lxdm-binary, slim, ly, ly-dm, greetd
tuigreet, gtkgreet, regreet, agreety, xdm, kdm, entrance, cosmic-greeter, gnome-session, gnome-session-binary
gnome-session-b, gnome-session-ctl, gnome-session-init-worker, gnome-session-service, gnome-session-c, gnome-shell
gnome-shell-calendar-server, gnome-shell-cal, gnome-shell-hotplug-sniffer, gnome-shell-portal-helper
gnome-keyring-daemon, gnome-keyring-d, gnome-keyring, gnome-settings-daemon, gsd-a11y-settings, gsd-a11y-setting
gsd-color, gsd-datetime, gsd-housekeeping, gsd-housekeepin, gsd-keyboard, gsd-media-keys, gsd-power
gsd-print-notifications, gsd-print-notif, gsd-printer, gsd-rfkill, gsd-screensaver-proxy, gsd-screensaver, gsd-sharing
gsd-smartcard, gsd-sound, gsd-usb-protection, gsd-usb-protect, gsd-wacom, gsd-wwan, gsd-xsettings
gsd-disk-utility-notify, gsd-disk-utilit, gsd-account, gjs, gjs-console, mutter, mutter-x11-frames, muffin, metacity
marco, gnome-control-center, gnome-control-center-search-provider, gnome-control-c, gnome-initial-setup, gnome-tweaks
gnome-extensions-app, gnome-characters-service, gnome-panel, gnome-flashback, gnome-screensaver, gnome-online-accounts
goa-daemon, goa-identity-service, goa-identity-se, gcr-ssh-agent, gcr-prompter, gnome-user-share, gnome-user-docs
yelp, zeitgeist-daemon, zeitgeist-fts, tracker-miner-fs-3, tracker-miner-fs, tracker-miner-f, tracker-extract-3
tracker-extract, tracker-store, localsearch, localsearch-3, localsearch-extractor-3, localsearch-control-3, tinysparql
tracker-writeback-3, xdg-desktop-portal, xdg-desktop-portal-gtk, xdg-desktop-portal-gnome, xdg-desktop-portal-kde
xdg-desktop-portal-wlr, xdg-desktop-portal-hyprland, xdg-desktop-portal-lxqt, xdg-desktop-portal-xapp
xdg-desktop-portal-cosmic, xdg-desktop-por, xdg-document-portal, xdg-document-po, xdg-permission-store
xdg-permission-, xdg-user-dirs-update, xdg-settings, ubuntu-desktop-installer, ubiquity, calamares, anaconda-installer
ibus-daemon, ibus-engine-simple, ibus-engine-sim, ibus-x11, ibus-portal, ibus-dconf, ibus-memconf, ibus-extension-gtk3
ibus-extension-, ibus-ui-gtk3, ibus-ui-emojier, ibus-engine-libpinyin, ibus-engine-mozc, ibus-setup, fcitx, fcitx5
fcitx-dbus-watcher, fcitx5-config-qt, mozc_server, uim-xim, scim, hime, kimpanel-ibus-panel, onboard, florence
squeekboard, wvkbd, maliit-keyboard, evolution-data-server, notify-osd, dunst, mako, swaync, fnott, xfce4-notifyd
mate-notification-daemon, notification-daemon, lxqt-notificationd, deadd-notification-center
plasmashell, kwin, kwin_x11, kwin_wayland, kwin_wayland_wrapper, kwin_wayland_wr, ksmserver, kded4, kded5, kded6
kdeinit4, kdeinit5, klauncher, kioslave, kioslave5, kiod5, kiod6, kio_http_cache_cleaner, kioworker, kioclient
kglobalaccel, kglobalaccel5, kglobalacceld, kactivitymanagerd, kactivitymanage, kaccess, kscreen_backend_launcher
kscreen_backend, kscreenlocker_greet, kscreenlocker_g, ksplashqml, kwalletd, kwalletd5, kwalletd6, ksecretd
kuiserver5, kuiserver, kdesu, kdesud, kcminit, kcmshell5, kcmshell6, kcminit_startup, systemsettings, systemsettings5
startplasma-x11, startplasma-wayland, startplasma-way, plasma_session, plasma-session, plasma_waitforname
plasma-browser-integration-host, plasma-browser-, plasma_sdk, xembedsniproxy, gmenudbusmenuproxy, gmenudbusmenupr
polkit-kde-auth, polkit-kde-authentication, org_kde_powerdevil, org_kde_powerde, powerdevil, baloo_file
baloo_file_extractor, baloorunner, balooctl, akonadi_control, akonadiserver, akonadi_agent_launcher
akonadi_indexing_agent, akonadi_migration_agent, akonadi_newmailnotifier_agent, akonadi_archivemail_agent
akonadi_followupreminder_agent, akonadi_mailfilter_agent, akonadi_sendlater_agent, akonadi_unifiedmailbox_agent
akonadi_contacts_resource, akonadi_maildir_resource, akonadi_ical_resource, akonadi_birthdays_resource, kdeconnect
ksgrd, ksysguardd, kmenuedit, khelpcenter, kinfocenter, kup-daemon, xfce4-session, xfce4-panel, xfce4-power-manager
xfce4-power-man, xfce4-settings-manager, xfsettingsd, xfconfd, xfdesktop, xfwm4, xfce4-screensaver, xfce4-volumed
panel-1-whiskermenu, panel-2-actions, wrapper-2.0, wrapper-1.0, tumblerd, mate-session, mate-panel
mate-settings-daemon, mate-settings-d, mate-power-manager, mate-screensaver, mate-control-center, wnck-applet
clock-applet, trashapplet, multiload-applet, cinnamon, cinnamon-session, cinnamon-launcher, cinnamon-settings
cinnamon-screensaver, cinnamon-desktop, cinnamon-killer-daemon, csd-automount, csd-background, csd-clipboard
csd-color, csd-housekeeping, csd-keyboard, csd-media-keys, csd-power, csd-print-notifications, csd-printer
csd-screensaver-proxy, csd-settings-remap, csd-wacom, csd-xsettings, lxsession, lxpanel, lxqt-session, lxqt-panel
lxqt-runner, lxqt-globalkeysd, lxqt-powermanagement, budgie-panel, budgie-wm, budgie-daemon, budgie-session, deepin-wm
dde-session-daemon, dde-desktop, dde-dock, dde-launcher, startdde, wingpanel, io.elementary.wingpanel
pantheon-agent-polkit, unity-panel-service, unity-settings-daemon, compiz, bamfdaemon, hud-service
indicator-application, ayatana-indicator-application, i3, i3-gaps, i3bar, sway, swaybar, swaybg, swaynag, hyprland
hyprpaper, hyprctl, rivertile, labwc, wayfire, weston, niri, dwm, dwl, bspwm, awesome, qtile, xmonad, herbstluftwm
openbox, openbox-session, obconf, fluxbox, blackbox-wm, icewm, icewm-session, enlightenment, enlightenment_s, efreetd
fvwm, fvwm3, jwm, mwm, twm, wmaker, windowmaker, ratpoison, stumpwm, spectrwm, leftwm, cosmic-session, cosmic-comp
cosmic-panel, cosmic-settings-daemon, cosmic-app-library, cosmic-applet-network, cosmic-bg, cosmic-osd
cosmic-launcher, cosmic-notifications, cosmic-workspaces, pop-launcher, pop-system-updater, system76-power
system76-scheduler, picom, compton, xcompmgr, nitrogen, swww, swww-daemon, wbg, mpvpaper, pipewire, pipewire-pulse
pipewire-media-session, pipewire-media-, wireplumber, pulseaudio, gsettings-helper, gconf-helper, jackd, jackdbus
a2jmidid, alsactl, alsa-restore, canberra-gtk-play, cupsd, cups-browsed, cups-proxyd, cups-lpd, ipp-usb, lpd, lpq, lpr
saned, sane, hpiod, colormgr, gdm-launch-environment, mission-control-5, telepathy-gabble, gpg-agent-browser
ssh-askpass, ksshaskpass, lsb_release, dmidecode, biosdecode, needrestart, checkrestart, debsums, popularity-contest
motd-news, ubuntu-drivers, ubuntu-drivers-common, casper-md5check, cloud-init-local, cloud-id, qrtr-ns, rngd, haveged
jitterentropy-rngd, entropyd, watchdog, wd_keepalive, ipmiev, ipmievd, openhpid, numad, kvm_stat, hv_kvp_daemon
hv_vss_daemon, hv_fcopy_daemon, hypervkvpd, xe-daemon, xenstored, xenconsoled, xenstore, oxenstored, open-vm-tools
vgauthservice, virtlogd-admin, virtstoraged, virtnodedevd, virtsecretd, virtinterfaced, virtproxyd
`;

export const WINDOWS_SYSTEM = `
svchost, csrss, smss, wininit, winlogon, services, lsass, lsaiso, lsm, system idle process, system interrupts
memory compression, memcompression, secure system, registry, ntoskrnl, fontdrvhost, logonui, userinit, explorer
sihost, taskhostw, taskhostex, taskhost, taskeng, ctfmon, dllhost, rundll32, regsvr32, regsvcs, regasm, conhost
conime, runtimebroker, applicationframehost, shellexperiencehost, startmenuexperiencehost, searchui, searchapp
searchhost, searchindexer, searchprotocolhost, searchfilterhost, cortana, textinputhost, tabtip, tabtip32, tiptsf
lockapp, lockapphost, systemsettingsbroker, systemsettingsadminflows, useroobebroker, widgets, widgetservice
widgetboard, peopleexperiencehost, backgroundtaskhost, backgroundtransferhost, wwahost, hostappserviceupdater
shellhost, shellappruntime, crossdeviceservice, crossdeviceresume, aggregatorhost, audiodg, spoolsv, splwow64
printfilterpipelinesvc, printisolationhost, wudfhost, wmiprvse, wmiapsrv, wmiadap, unsecapp, scrcons, mofcomp
wbemtest, wmic, msiexec, trustedinstaller, tiworker, wuauclt, usoclient, mousocoreworker, mouscoreworker
usocoreworker, musnotification, musnotificationux, musnotifyicon, musnotifyicon_ux, upfc, updateassistant
windows10upgraderapp, sedlauncher, sedsvc, rempl, waasmedicagent, waasmedicsvc, sppsvc, sppextcomobj, slui
sppextcomobjhookavast, licensingui, clipup, clipesu, clipesuconsumer, gatherosstate, osppsvc, msmpeng, mpcmdrun
nissrv, mpdefendercoreservice, mpdlpservice, mssense, sensecncproxy, senseir, sensendr, sensesampleuploader, sensetvm
securityhealthservice, securityhealthsystray, securityhealthhost, smartscreen, sgrmbroker, sgrmagent, mpsigstub, mrt
windowsdefender, msascui, msascuil, msseces, wscntfy, dashost, deviceenroller, devicecensus, compattelrunner
compatteltask, diagtrackrunner, utcdecoderhost, wermgr, werfault, werfaultsecure, dwwin, dw20, drwtsn32, wsqmcons
dmclient, omadmclient, omadmprc, dsregcmd, deviceassociationframework, wlanext, wifitask, dot3svc, netsh, ipconfig
getmac, pathping, tracert, nbtstat, systeminfo, tasklist, taskkill, schtasks, sc, net, net1, reg, regedit, regedt32
gpupdate, gpresult, gpscript, secedit, auditpol, bcdedit, bcdboot, bootrec, chkdsk, chkntfs, autochk, sfc, dism
dismhost, defrag, dfrgui, cleanmgr, diskpart, diskraid, fsutil, vssvc, vssadmin, vds, vdsldr, wbengine, wbadmin, sdclt
rstrui, srtasks, systempropertiesprotection, systempropertiesadvanced, systempropertiescomputername
systempropertiesperformance, systempropertiesremote, recoverydrive, reagentc, mmc, eventvwr, wevtutil, wecutil
compmgmt, compmgmtlauncher, devmgmt, control, rundll, desk.cpl, mobsync, fhmanagew, fsquirt, bthudtask, btwdins
btservice, bthserv, devicepairingwizard, deviceproperties, hdwwiz, drvinst, pnputil, infdefaultinstall, pnpunattend
hidserv, wisptis, inputpersonalization, narrator, magnify, osk, atbroker, utilman, sethc, easeofaccessdialog
voiceaccess, livecaptions, speechruntime, speechuxwiz, sapisvr, displayswitch, dpiscaling, presentationsettings
presentationhost, presentationfontcache, mscorsvw, ngen, ngentask, ngciso, aspnet_state, smsvchost, netfxrepair
installutil, dfsvc, consent, credentialuibroker, credwiz, credentialenrollmentmanager, authhost, vaultcmd, vaultsysui
certutil, certreq, certenrollctrl, cipher, efsui, bdeunlock, bdeuisrv, bitlockerwizard, bitlockerwizardelev
manage-bde, fvenotify, fveprompt, tpminit, tpmtool, tpmvscmgrsvr, lpremove, lpksetup, muiunattend, wextract, makecab
extrac32, findstr, xcopy, attrib, cacls, icacls, takeown, subst, mountvol, clip, forfiles, waitfor, logoff, tsdiscon
tscon, quser, qwinsta, rdpclip, rdpinit, rdpshell, rdpsa, rdpinput, rdpsaproxy, rdsclientservice, raserver, msra
sessionmsg, tstheme, termsrv, dllhst3g, dcomcnfg, msdtc, mstscax, mqsvc, mqtgsvc, snmp, snmptrap, tlntsvr, ftpsvc
inetsrv, iissvcs, certsrv, dhcpserver, dfsr, dfsrs, dfssvc, ntfrs, ismserv, dsamain, ntdsutil, w32tm, adws
microsoft.activedirectory.webservices, clussvc, cluswmiprovider, storagesync, filesrm, llssrv, tssdis, sacsvr, vmicsvc
hvsimgr, hvhostsvc, hypervisor, vmcomputeagent, vmsp, cmimageworker, unattendedjoin, setuphost, setupprep
setupplatform, windeploy, oobenetworkconnectionflow, wwanconnectionflow, firstlogonanim, cloudexperiencehost
cloudexperiencehostbroker, microsoft.aad.brokerplugin, accountscontrolhost, assignedaccess, assignedaccesslockapp
customshellhost, eduprintprov, edpnotify, edpcleanup, edpcookiemanager, wpnserviceexe, wsreset, winstore.app
microsoft.windowsstore, windows.warp.jitservice, microsoft.web.webviewhost, webviewhost, wsappx, appvclient
appinstaller, appinstallercli, winget, desktopappinstaller, installagent, installagentuserbroker
windowspackagemanagerserver, gamebarpresencewriter, bcastdvr, bcastdvruserservice, gamepanel, dtutil
dmnotificationbroker, datausagelivetiletask, datasharing, datastorecachedumptool, tokenbroker, tokenbrokercookies
wallpaperhost, pickerhost, fileexplorer, openwith, fondue, optionalfeatures, wfservicesreg, wifidisplay, miracastview
castsrv, comppkgsrv, sdbinst, pcalua, pcaui, pcaelevate, aitstatic, acmigration, appidcertstorecheck
appidpolicyconverter, appidtel, uevagent, uevappmonitor, wowreg32, ntvdm, ntkrnlpa, spinstall, spoolss, ntprint
printui, printbrmui, localbridge, proximityuxhost, wlrmdr, wksprt, werconcpl, xwizard, locator, rpcss, rpcping
sensordataservice, sensorsvc, perceptionsimulationservice, spatialaudiolicensesrv, mixedrealityportal, mssearch
gamingtcui, microsoft.ecapp, lsaisoproxy, securekernel, ctfloader, igfxem, igfxhk, igfxtray, igfxcuiservice, igfxemn
igfxcuiservicen, igfxpers, hkcmd, intelcphecisvc, intelcphdcpsvc, intelaudioservice, intelcpsvc, esif_uf
esif_assist_64, dptf, lms, jhi_service, iastordatamgrsvc, iastoricon, iastordatasvc, rstmwservice, socketheciserver
wmiregistrationservice, ipf_uf, ipfsvc, oneapp.igcc.winservice, igcc, igcctray, nvcontainer, nvdisplay.container
nvxdsync, nvvsvc, nvsvc64, nvsvc32, nvwmi64, nvtelemetrycontainer, atieclxx, atiesrxx, amdfendrsr, amdppkgsvc, amddvr
atibtmon, rtkauduservice64, rtkaudservice64, rthdvcpl, ravbg64, rtkbtmanserv, synaptics, syntpenh, syntpenhservice
syntphelper, etdctrl, etdservice, etdctrlhelper, apmsgfwd, apoint, apntex, hidfind, elantp, wacom_tablet
wtabletservicepro, wacomhost, wacom_touchuser, wacom_tabletuser, thunderboltservice, tbtsvc, dolbydaxapi
killernetworkservice, killerservice, killer_service, gfxdownloadwrapper, intel_pie_service, presentmonservice
hotkeyserviceutil
`;

export const MACOS_SYSTEM = `
launchd, kernel_task, windowserver, loginwindow, finder, dock, systemuiserver, controlcenter, controlstrip
notificationcenter, usernotificationcenter, usernotificationsd, spotlight, mds, mds_stores, mdworker, mdworker_shared
mdbulkimport, mdsync, mdflagwriter, mdwrite, corespotlightd, spotlightknowledged, managedcorespotlightd, coreduetd
knowledge-agent, knowledgeconstructiond, duetexpertd, suggestd, proactived, proactiveeventtrackerd
intelligenceplatformd, intelligencecontextd, siri, sirincservice, siriknowledged, siriactionsd, siriinferenced
siriencoded, assistantd, assistant_service, corespeechd, speechsynthesisd, speechrecognitiond, voicebankingd
voiceovertrainer, voiceover, scrod, dictationim, axvisualsupportagent, universalaccessd, universalaccessauthwarn
accessibilityuiserver, accessibilityvisualsagent, heard, hearingd, configd, opendirectoryd, securityd, secd, secinitd
trustd, trustdfilehelper, authd, authorizationhost, securityagent, coreauthd, coreauthenticationd, biometrickitd
biokitaggdd, localauthenticationd, keybagd, endpointsecurityd, syspolicyd, amfid, sandboxd, taskgated
taskgated-helper, xprotect, xprotectservice, xprotectremediator, xprotectbehaviorservice, tccd, gatekeeper
coreservicesuiagent, coreservicesd, launchservicesd, iconservicesd, iconservicesagent, containermanagerd
containermanagerd_system, appstoreagent, appstored, appstorecomponentsd, installd, installer, system_installd
softwareupdated, softwareupdate, softwareupdatenotificationmanager, suhelperd, mobileassetd, assetcache
assetcachelocatorservice, assetcachemanagerservice, package_script_service, pkd, pkutil, storeaccountd, storeassetd
storedownloadd, storekitagent, storeuid, commerced, accountsd, akd, appleidauthagent, appleid, appleidsettings, adid
amsaccountsd, amsengagementd, amsondevicestoraged, askpermissiond, familycircled, screentimeagent, screentimed
parentalcontrolsd, usagetrackingagent, familycontrolsd, contextstored, contextstoreagent, biomeagent, biomed
biomesyncd, dasd, dprivacyd, triald, triald_system, rtcreportingd, analyticsd, analyticsagent, diagnosticd
diagnostics_agent, diagnosticservicesd, reportcrash, reportpanic, reportmemoryexception, crashreportersupporthelper
symptomsd, symptomsd-diag, spindump, spindump_agent, sysdiagnosed, sysdiagnose, tailspind, osanalyticshelper
submitdiaginfo, aslmanager, logd, logd_helper, logd_reporter, coresymbolicationd, watchdogd, thermalmonitord, powerd
powerchime, powerdatad, poweruiagent, powerexperienced, batteryd, batteryintelligenced, kextd, kernelmanagerd
kextcache, kmutil, sysextd, driverkit, ioserviceauthorized, ioupsd, usbd, uvcassistant, thunderboltd, hidd
corebrightnessd, ambientdisplayagent, displaypolicyd, colorsync.displayservices, colorsync.useragent, colorsyncd
colorsyncdisplayservices, coreaudiod, audioaccessoryd, audiocomponentregistrar, com.apple.audio.sandboxhelper
com.apple.audio.driverservice, com.apple.audio.coreaudiod, systemsoundserverd, mediaremoted, mediaremoteagent
mediastream, mstreamd, nowplayingtouchui, bluetoothaudioagent, bluetoothuserd, bluetoothuiserver, blued, airportd
airport, airplayuiagent, airplayxpchelper, wifid, wifianalyticsd, wifivelocityd, wifiagent, wificloudsyncagent
wirelessproxd, wirelessradiomanagerd, networkd, networkserviceproxy, netbiosd, nehelper, nesessionmanager, neagent
nesession, mdnsresponder, mdnsresponderhelper, racoon, pppconfd, socketfilterfw, captiveagent
captive network assistant, cfnetworkagent, cfprefsd, cfnetwork, nsurlsessiond, nsurlstoraged, nsattributedstringagent
distnoted, notifyd, apsd, timed, timezoneupdates.tzd, tzd, tzlinkd, locationd, locationmenu, geod
geodmachserverbridge, mapspushd, mapssyncd, navd, destinationd, routined, corelocationagent, remindd, reminders
calendaragent, calaccessd, calnchelper, exchangesyncd, dataaccessd, contactsd, contactsagent, contactsaccountsservice
contacts_donation_agent, contactsdonationagent, addressbooksourcesync, addressbookmanager, addressbooksync, sharingd
sharedfilelistd, sharedwebcredentialmonitord, filecoordinationd, fileproviderd, filesystemui, fseventsd, revisiond
genatsdb, diskarbitrationd, diskmanagementd, diskimagesiod, diskimages-helper, diskimagecontroller, diskimagemounter
diskimages-hdiejectd, storagekitd, storagemanagementservice, apfsd, apfs.util, fsck_apfs, fsck_hfs, hdiejectd, hdiutil
deleted, deleted_helper, cachedeleteextension, cachedeleted, bluetoothpeerhelper, rapportd, rapportd-user, ctkd
ctkahp, ctkbind, findmydeviced, findmylocateagent, findmymacd, findmymacmessenger, findmybeaconingd, searchpartyd
searchpartyuseragent, icloudnotificationagent, cloudphotosd, cloudpaird, cloudkeychainproxy, cloudsettingssyncagent
ckdiscretionaryd, ckkeyrolld, protectedcloudkeysyncing, passd, nfcd, seld, seserviced, seputil, homed, homeenergyd
hmdhomed, ampdevicediscoveryagent, ampdevicesagent, amplibraryagent, ampartworkagent, ampsystemplayeragent
mediaanalysisd-access, mediasharingd, photoagent, photolibrarymigrationagent, printtool, printuitool, printerproxy
pressandhold, textinputmenuagent, textinputswitcher, imklaunchagent, keyboardservicesd, keyboardsetupassistant
keyboardaccessagent, talagent, talagentd, wallpaperagent, wallpaperimageextension, wallpapervideoextension
windowmanager, windowmanageragent, universalcontrol, sidecardisplayagent, sidecarrelay, screensaverengine
legacyscreensaver, screensaver, screensharingd, screensharingagent, screensharing, remotemanagementagent
remotemanagementd, ardagent, remoted, remotepairingd, remotepairtool, appleeventsd, applespell
applemobiledeviceservice, applemobiledevicehelper, mobiledeviceupdater, amdevicediscovery, mdmclient, managedclient
managedclientagent, profiled, teslad, automator, automator application stub, osascript, applescript, script editor
shortcuts, shortcutsevents, shortcutsviewservice, backgroundshortcutrunner, siriviewservice, system preferences
system settings, system information, system events, systemuiplugin, systemstats, systemstatusd, system_profiler
sysmond, stackshot, warmd, warmd_agent, uninstalld, uikitsystem, uitests, useractivityd, usereventagent
userfontmanager, fontd, fontworker, fontmover, atsserver, atsd, quicklooksatellite, quicklookuiservice, quicklookui
quicklookuihelper, thumbnailagent, thumbnailextension, com.apple.quicklook.thumbnailsagent
com.apple.quicklook.satellite, quickdrop, setupassistant, setup assistant, migration assistant, boot camp assistant
bootcachecontrol, directory utility, dirhelper, eapolclient, eoshostd, followupd, followupui
gamecontrolleragentservice, gamecontrollerd, gamed, gpumemtracer, gputoolsagentd, gssd, helpd, help viewer, icdd
imageioxpcservice, inputanalyticsd, installcoordinationd, interactivelegacyprofilesubscriber, intelligentroutingd
jetsamproperties, kcm, kernelfaultd, liveactivitiesd, linkd, loginitemregisterd, backgroundtaskmanagementagent
backgroundtaskmanagementd, backgroundassets.user, btmd, mapsd, merchantd, misagent, mobileactivationd, modelcatalogd
modelmanagerd, nearbyd, newsd, newstoday2, newsdeliveryd, newstag, ospredictiond, ostransactiond, parsec-fbf, peopled
pbs, pboard, perfpowerservices, perfpowerservicesextended, perfpowertelemetryclientregistrationservice
periodic-wrapper, photosrelivewidget, pluginkit, previewshell, privacyaccountingd, progressd, promotedcontentd
replayd, rmdagent, rpcsvchost, runningboardd, sandboxbroker, scopedbookmarksagent, sessionlogoutd, shove, sntpd
spaceattributiond, splashboardd, ssinvitationagent, stockswidget, stickersd, storelegacy, swcd, syncdefaultsd
synthetichd, systemmigrationd, tipsd, touchbarserver, touchbaragent, toolbaragent, translationd, transparencyd
transparencystaticcontentd, tvremoted, uarpassetmanagerd, uarpupdaterservicehid, universalaccess
unmountassistantagent, updatebrainservice, usbagent, usermanagerd, usernoted, videosubscriptionsd, viewbridgeauxiliary
virtualmachineservice, com.apple.virtualization.virtualmachine, vmnetd, vpnd, watchlistd, weatherd, weatherwidget
webinspectord, wifip2pd, writeconfig, xartstorageremoted, xpcproxy, xpcroleaccountd, xsand, axassetloader
betaenrollmentd, businessservicesd, callhistorypluginhelper, callhistorysynchelper, careaplayer
com.apple.appkit.xpc.openandsavepanelservice, com.apple.codesigning.helper, com.apple.sbd, com.apple.geod
com.apple.icloudhelper, com.apple.metadata.spotlightnethelper, com.apple.preference.security.remoteservice
com.apple.dock.extra, com.apple.dock.external.extra, com.apple.hiservices-xpcservice
com.apple.internetaccounts.xpcservice, com.apple.mobilesoftwareupdate.updatebrainservice
com.apple.photos.imageconversionservice, dockhelper
`;
