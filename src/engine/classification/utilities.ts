/** Tools for the machine itself: files, archives, terminals, settings, transfers, backups, security, measuring. */

export const UTILITIES = `
7z, 7za, 7zr, 7zfm, 7zg, p7zip, winrar, rar, unrar, winzip, winzip64, wzpreloader, peazip, bandizip, keka
the unarchiver, unarchiver, archive utility, archiveutility, betterzip, izip, file-roller, ark, engrampa, xarchiver
lxqt-archiver, tar, bsdtar, gzip, gunzip, bzip2, bunzip2, pbzip2, pigz, xz, unxz, lzma, lz4, lzop, zstd, unzstd
brotli, zip, unzip, zcat, xzcat, zstdcat, cabextract, cpio, unar, lsar, innoextract, ouch, atool, arj, lha, zpaq
squashfs-tools, mksquashfs, unsquashfs
taskmgr, perfmon, resmon, procexp, procexp64, procmon, procmon64, autoruns, autoruns64, process explorer
systeminformer, processhacker, tcpview, tcpview64, rammap, vmmap, activity monitor, istat menus, istatmenusstatus
stats-app, htop, btop, bpytop, bashtop, gtop, gotop, btm, bottom, glances, atop, nmon, top, vtop, zenith, nvtop
nvidia-smi, radeontop, intel_gpu_top, powertop, iotop, iftop, nethogs, bandwhich, wb, nload, bmon, vnstat, vnstatd
dstat, dool, vmstat, iostat, mpstat, sar, sadc, pidstat, free, uptime, ps, pstree, pgrep, pkill, kill, killall, who
users, last, lsof, fuser, watch, missioncenter, missioncenter-magpie, gnome-system-monitor, gnome-usage
plasma-systemmonitor, ksysguard, ksystemstats, mate-system-monitor, xfce4-taskmanager, lxtask, qps, stacer, conky
polybar, waybar, i3status, i3blocks, i3status-rs, xmobar, lemonbar, tint2, yambar, sfwbar, ironbar, neofetch
fastfetch, screenfetch, inxi, hwinfo, lshw, hardinfo, hardinfo2, cpu-x, cpu-g, cpuz, cpuz_x64, gpu-z, gpuz, hwinfo64
hwinfo32, hwmonitor, hwmonitor_x64, aida64, speccy, speccy64, openhardwaremonitor, librehardwaremonitor, coretemp
core temp, realtemp, throttlestop, msiafterburner, rtss, rtsshooksloader, rtsshooksloader64, encoderserver
encoderserver64, fancontrol, speedfan, argus monitor, crystaldiskinfo, crystaldiskmark, diskinfo64, diskmark64
furmark, prime95, mprime, occt, cinebench, geekbench, geekbench6, geekbench 6, 3dmark, 3dmarkicfworkload, unigine
superposition, heaven, stress, stress-ng, sysbench, fio, iperf, iperf3, phoronix-test-suite, linpack, memtest86
glmark2, glxgears, glxinfo, vkcube, vulkaninfo, vkmark, coconutbattery, aldente, macs fan control, tg pro, dynamolock
bash, sh, dash, zsh, fish, ksh, mksh, tcsh, csh, nu, nushell, elvish, xonsh, oil, osh, yash, busybox, toybox
cmd, powershell, pwsh, powershell core, rbash, screen, tmux, tmux: server, tmux: client, zellij, byobu, abduco, dtach
dvtm, mosh, mosh-server, mosh-client, eternalterminal, etserver, script, scriptreplay, asciinema, ttyd, wetty, gotty
terminal, terminal.app, iterm2, iterm, iterm2helper, itermserver, gnome-terminal, gnome-terminal-server
gnome-terminal.real, kgx, gnome-console, ptyxis, ptyxis-agent, konsole, yakuake, xfce4-terminal, mate-terminal
lxterminal, qterminal, terminator, tilix, guake, tilda, terminology, sakura, roxterm, termite, alacritty, kitty
kitten, wezterm, wezterm-gui, wezterm-mux-server, footclient, ghostty, warp-terminal, warp-svc, warp-cli, waveterm
tabby, extraterm, cool-retro-term, st, urxvt, urxvtd, rxvt, rxvt-unicode, xterm, uxterm, lxterm, aterm, eterm, mlterm
deepin-terminal, io.elementary.terminal, blackbox, cosmic-term, rxterm, ddterm, windowsterminal, wt, openconsole
mintty, conemu, conemu64, conemuc, conemuc64, cmder, mobaxterm, mobaxterm_personal, putty, pageant, plink, pscp, psftp
puttygen, securecrt, xshell, xshellcore, termius, termius-beta, royalts, remmina, mremoteng, devolutions
remotedesktopmanager, bvssh, bitvise, winscp, secpanel, asbru-cm, snowflake, electerm, windterm, shellngn
ls, cp, mv, rm, mkdir, rmdir, touch, cat, tac, head, tail, less, more, most, bat, batcat, grep, egrep, fgrep, ripgrep
rg, ag, ack, ugrep, sed, awk, gawk, mawk, nawk, perl-rename, cut, sort, uniq, wc, tr, tee, xargs, parallel, find, fd
fdfind, locate, plocate, mlocate, updatedb, updatedb.plocate, updatedb.mlocate, which, whereis, file, stat, du, df
ncdu, dust, duf, gdu, dua, tree, eza, exa, broot, ranger, nnn, lf, vifm, mc, yazi, joshuto, xplr, fzf, sk, zoxide
autojump, z.lua, dd, ddrescue, sleep, date, cal, bc, dc, expr, yes, true, false, env, printenv, echo, printf, id
whoami, groups, hostname, uname, arch, nproc, lscpu, lsblk, lspci, lsusb, lsmem, lsmod, dmesg, cksum, md5sum, sha1sum
sha256sum, sha512sum, b2sum, base64, od, xxd, hexdump, hexyl, diff, cmp, comm, patch, tree-sitter, jq, yq, fx, gron
jless, xsv, qsv, csvkit, mlr, visidata, vd, fmt, nl, csplit, shuf, iconv, dos2unix, unix2dos, recode, rename, mmv, ln
readlink, realpath, basename, dirname, chmod, chown, chgrp, chattr, lsattr, getfacl, setfacl, timeout, nohup, nice
ionice, renice, taskset, chrt, setsid, hyperfine, man, info, tldr, tealdeer, whatis, apropos, cheat, navi, xdg-open
xdg-mime, xclip, xsel, wl-copy, wl-paste, notify-send, dunstify, zenity, kdialog, yad, dialog, whiptail, fortune
cowsay, figlet, lolcat, cmatrix, sl
ssh, ssh-agent, ssh-add, ssh-keygen, ssh-keyscan, sshfs, sftp, scp, rsync, rsyncd, rclone, curl, wget, wget2, aria2c
axel, lftp, ftp, ncftp, filezilla, filezilla-bin, cyberduck, transmit, forklift, forklift 4, commander one, crossftp
smbclient, nc, ncat, netcat, socat, telnet, ping, ping6, fping, mtr, traceroute, tracepath, dig, nslookup, drill
doggo, whois, nmap, zenmap, masscan, rustscan, arp-scan, netdiscover, angry ip scanner, ipscan, advanced_ip_scanner
tcpdump, tshark, dumpcap, wireshark, wireshark-gtk, wireshark-qt, ettercap, bettercap, kismet, aircrack-ng
airodump-ng, ngrep, termshark, sniffnet, ntop, ntopng, etherape, rustnet, netstat, ss, ip, ifconfig, route, arp
ethtool, iw, iwconfig, iwlist, nmcli, nmtui, nm-connection-editor, wavemon, speedtest, speedtest-cli, networkquality
little snitch, lulu, radio silence, tripmode, glasswire, gwctlsrv, gwidlmon, simplewall, portmaster, portmaster-core
portmaster-start, opensnitch-ui, opensnitchd, netlimiter, nlclientapp, nlsvc
transmission, transmission-gtk, transmission-qt, transmission-daemon, transmission-remote, transmission-cli
qbittorrent, qbittorrent-nox, deluge, deluged, deluge-gtk, deluge-web, ktorrent, rtorrent, utorrent, utorrentie, utweb
bittorrent, bittorrentie, vuze, azureus, biglybt, tixati, frostwire, fragments, tribler, webtorrent
webtorrent desktop, motrix, motrixctl, uget, uget-gtk, xdm-app, xdman, idman, iemonitor, freedownloadmanager, fdm
jdownload, flashget, gopeed, ab download manager, abdownloadmanager, amule, amuled, emule, nicotine, soulseekqt
soulseek, sabnzbd, sabnzbdplus, nzbget, nzbhydra2, sonarr, radarr, prowlarr, readarr, bazarr, jackett, overseerr
localsend, localsend_app, warpinator, warp-share, croc, magic-wormhole, wormhole, nitroshare, landrop, snapdrop
send anywhere, airdrop, quick share, kdeconnectd, kdeconnect-app, kdeconnect-indicator, kdeconnect-sms, gsconnect
valent, pushbullet, airdroid, intel unison, dukto, syncthing-fork
openvpn, openvpn-gui, openvpnserv, openvpnserv2, openvpn connect, openvpnconnect, ovpnconnector, tunnelblick
viscosity, wireguard, wg, wg-quick, wireguard-go, boringtun-cli, tailscale, tailscaled, tailscale-ipn, tailscaleipn
io.tailscale.ipn.macsys, headscale, zerotier-one, zerotier, zerotier_desktop_ui, zerotier-one_x64, netbird, netbird-ui
nebula-vpn, twingate, twingated, innernet, nordvpn, nordvpnd, nordvpn-service, nordlynx, norduserd, expressvpn
expressvpnd, expressvpn.appservice, surfshark, surfshark.service, protonvpn, protonvpn-app, protonvpnservice
protonvpn.client, protonvpn.wireguardservice, mullvad, mullvad-daemon, mullvad-gui, mullvad vpn, mullvad-vpn
pia-daemon, pia-client, pia-service, windscribe, windscribeservice, windscribe-cli, cyberghost, tunnelbear
hotspot shield, ivpn, ivpn-service, ivpn-ui, cloudflare warp, warp-taskbar, globalprotect, pangps, pangpa, vpnui
vpnagent, vpnagentd, vpncli, acwebhelper, cisco anyconnect secure mobility client, cisco secure client, openconnect
openconnect-gui, vpnc, forticlient, fortitray, fortisslvpndaemon, openfortivpn, f5vpn, snxctl, sonicwall, pulsesvc
pulseui, strongswan, charon, charon-systemd, xl2tpd, pptp, softether, vpnclient, vpncmgr, vpnserver, shadowsocks
ss-local, ss-server, sslocal, ssserver, v2ray, v2rayn, xray, sing-box, clash, clash-verge, clash-meta, mihomo
verge-mihomo, clashx, nekoray, nekobox, hiddify, qv2ray, trojan-go, hysteria, tor, tor.real, obfs4proxy
snowflake-client, lyrebird, nyx, onionshare, i2pd, i2p, freenet, lokinet, psiphon3, ultrasurf, privoxy, polipo
tinyproxy, proxychains, proxychains4, redsocks, dante, danted, sockd, 3proxy, proxifier, stunnel, stunnel4, sshuttle
autossh, iodine, dnscrypt-proxy, stubby, cloudflared-dns, adguardhome, pihole-ftl, adguard, adguardsvc, nextdns
teamviewer, teamviewer_service, teamviewer_desktop, teamviewerd, tv_w32, tv_x64, anydesk, rustdesk, rustdesk-server
hbbs, hbbr, chrome-remote-desktop, chrome-remote-desktop-host, remoting_host, remoting_desktop, logmein
logmeinsystray, lmiguardiansvc, splashtop, srserver, srfeature, srmanager, strwinclt, connectwise
screenconnect.windowsclient, screenconnect.clientservice, bomgar-scc, dwagent, dwagsvc, meshagent, tacticalrmm, radmin
rserver3, mstsc, msrdc, msrdcw, microsoft remote desktop, windows app, windows365, xfreerdp, xfreerdp3, wlfreerdp
rdesktop, krdc, krfb, gnome-remote-desktop-daemon, gnome-remote-desktop, gnome-connections, vinagre, vino-server
x11vnc, x0vncserver, xvnc, xtigervnc, tigervnc, vncviewer, vncserver, vncserver-x11, winvnc, winvnc4, tvnserver
tvnviewer, realvnc, vncserverui, uvnc_service, wayvnc, novnc, websockify, xrdp, xrdp-sesman, xrdp-chansrv, nomachine
nxplayer, nxserver.bin, nxnode.bin, nxclient.bin, nxd, nxcodec.bin, x2goclient, x2goagent, x2goserver, guacd
jump desktop, jump desktop connect, supremoservice, ammyy, aeroadmin, zohoassist, za_connect, barriers, barrierc
synergy, synergy-core, synergys, synergyc, input-leap, input-leaps, deskflow, lan-mouse, mousewithoutborders
sharemouse, lghub, multiplicity
virtualbox, virtualboxvm, vboxsvc, vboxmanage, vboxheadless, vboxnetdhcp, vboxxpcomipcd, vboxclient, vboxservice
vboxtray, vboxsds, virtual box, vmware, vmware-vmx, vmware-view, vmware-tray, vmware-usbarbitrator
vmware-usbarbitrator64, vmware-authd, vmware-authdlauncher, vmware-hostd, vmware fusion, vmplayer, vmnat, vmnetdhcp
vmtoolsd, vmware-vmblock-fuse, vmwaretray, vmwareuser, vmware-converter, prl_client_app, prl_disp_service, prl_vm_app
prl_tools_service, parallels desktop, parallels toolbox, utm, qemu, qemu-kvm, qemu-img, qemu-nbd, qemu-ga
qemu-system-x86_64, qemu-system-i386, qemu-system-aarch64, qemu-system-arm, qemu-system-riscv64, qemu-x86_64-static
qemu-aarch64-static, virtqemud, libvirtd, virtlogd, virtlockd, virtnetworkd, virt-manager, virt-viewer, remote-viewer
virsh, spice-vdagent, spice-vdagentd, gnome-boxes, quickemu, quickgui, aqemu, multipass, multipassd, multipass.gui
firecracker, cloud-hypervisor, crosvm, virtiofsd, swtpm, vmcompute, vmms, vmwp, vmconnect, vmmem, vmmemwsl, wsl
wslhost, wslservice, wslrelay, wslg, windowssandbox, windowssandboxclient, sandboxie, sandman, sbiesvc, sbiectrl
sbiedllx, firejail, bwrap, proot, waydroid, waydroid.app, anbox, bluestacks, hd-player, hd-agent, hd-plus-service
bstksvc, bluestackshelper, bluestacksservices, noxplayer, noxvmhandle, noxvmsvc, ldplayer, dnplayer, ld9boxheadless
ldvboxheadless, memu, memuheadless, memuservice, mumuplayer, nemuplayer, nemuheadless, gameloop, androidemulatoren
androidemulator, koplayer, andy, wine, wine64, wineserver, wineserver64, wine-preloader, wine64-preloader, winedevice
plugplay, winecfg, winetricks, winepath, wineboot, crossover, cxbottle, whisky, playonmac, box64, box86, fex-emu
fexinterpreter, qemu-user, darling, waydroid-container
explorer++, doublecmd, totalcmd, totalcmd64, freecommander, directory opus, dopus, dopusrt, xyplorer, onecommander
files.app, filesapp, multicommander, far, far2l, far manager, nautilus, nautilus-desktop, org.gnome.nautilus, sushi
gnome-sushi, nemo, nemo-desktop, caja, thunar, thunar-volman, pcmanfm, pcmanfm-qt, dolphin, krusader, spacefm
rox-filer, sunflower, deepin-file-manager, dde-file-manager, io.elementary.files, cosmic-files, path finder
pathfinder, qspace, everything64, everything toolbar, voidtools, listary, wizfile, windirstat, wiztree, wiztree64
treesize, treesizefree, spacesniffer, grandperspective, daisydisk, omnidisksweeper, disk inventory x, baobab
filelight, qdirstat, k4dirstat, xdiskusage, gdmap, fsearch, catfish, recoll, recollindex, docfetcher, angrysearch
kfind, gnome-search-tool, mate-search-tool, agent ransack, searchmyfiles, czkawka_gui, czkawka, czkawka_cli, fslint
fdupes, rdfind, dupeguru, dupeguru-se, gemini 2, alldup, anti-twin, bleachbit, ccleaner, ccleaner64, cleanmymac
cleanmymac x, cleanmymac-x-menu, onyx, appcleaner, pearcleaner, czkawka-krokiet, revo uninstaller, revounin
iobituninstaller, geek uninstaller, bcuninstaller, wisecare365, advancedsystemcare, glary utilities, integrator
tuneup, pc manager, mspcmanager, mspcmanagerservice, defraggler, ultradefrag, smartdefrag, mydefrag, o&o defrag
winaero tweaker, ooshutup10, powertoys, powertoys.runner, powertoys.settings, powertoys.powerlauncher
powertoys.fancyzones, powertoys.awake, powertoys.colorpickerui, powertoys.keyboardmanagerengine, powertoys.powerocr
powertoys.advancedpaste, powertoys.peek.ui, powertoys.alwaysontop, powertoys.cropandlock
powertoys.mousewithoutborders, autohotkey, autohotkey64, autohotkey32, autohotkeyu64, ahk2exe, autoit3, espanso
espansod, textexpander, phraseexpress, keyboard maestro, keyboard maestro engine, hammerspoon, bettertouchtool
bettersnaptool, karabiner-elements, karabiner_grabber, karabiner_console_user_server, rectangle, rectangle pro
amethyst-wm, yabai, skhd, aerospace, bartender 4, bartender 5, hidden bar, dozer, alttab, mission control plus
hazeover, monitorcontrol, betterdisplay, displaylink, displaylink manager, displaylinkuseragent, displayfusion
displayfusionservice, ultramon, dualmonitortools, fences, start11, startallback, startallbackcfg, openshell
classicshell, startmenu, windowblinds, objectdock, rocketdock, explorerpatcher, windhawk, translucenttb, roundedtb
eartrumpet, twinkle tray, monitorian, f.lux, flux, redshift, redshift-gtk, gammastep, gammastep-indicator, wlsunset
hyprsunset, caffeine, caffeine-ng, caffeinate, amphetamine, lungo, keepingyouawake, insomniax, xautolock, xss-lock
i3lock, swaylock, swayidle, hypridle, hyprlock, slock, gtklock, xscreensaver, xscreensaver-systemd, light-locker
cairo-dock, latte-dock, docky, rofi, dmenu, dmenu_run, wofi, fuzzel, bemenu, tofi, krunner, synapse, kupfer, gnome-do
onagre, anyrun, xfce4-appfinder, copyq, clipit, parcellite, diodon, gpaste-daemon, clipman, cliphist, klipper
xfce4-clipman, greenclip, ditto, clipboardfusion, clipx, maccy, pastebot, copyclip, flycut, flameshot, spectacle
gnome-screenshot, ksnip, shutter, scrot, maim, grim, slurp, hyprshot, swappy, satty, deepin-screenshot
xfce4-screenshooter, mate-screenshot, lximage-screenshot, greenshot, sharex, lightshot, picpick, snippingtool
screensketch, screenclippinghost, snipaste, monosnap, skitch, shottr, screenshot, screencaptureui, screencapture
gpick, gcolor3, kcolorchooser, eyedropper, colorpicker, gcolor2, digital color meter, digitalcolormeter
calc, calculator, calculatorapp, win32calc, gnome-calculator, kcalc, galculator, qalculate, qalculate-gtk
qalculate-qt, qalc, speedcrunch, mate-calc, xcalc, deepin-calculator, io.elementary.calculator, soulver, soulver 3
numi, insect, gnome-clocks, kalarm, kalarmd, ktimer, alarm-clock-applet, windowsalarms, gnome-weather, kweather, meteo
gnome-maps, dictionary, gnome-dictionary, gnome-contacts, kaddressbook, font viewer, gnome-font-viewer, font-manager
gucharmap, kcharselect, charmap, character viewer, gnome-characters, fontbase, font book, fontforge, kfontview
nexusfont, gnome-logs, ksystemlog, mate-system-log, gnome-disks, gnome-disk-utility, gparted, gpartedbin
partitionmanager, kde-partitionmanager, disk utility, diskutil, blivet-gui, parted, fdisk, cfdisk, gdisk, sgdisk
sfdisk, testdisk, photorec, foremost, extundelete, recuva, easeus data recovery wizard, drw, diskdrill, disk drill
r-studio, minitool partition wizard, partitionwizard, aomei partition assistant, paragon, acronis, acronis true image
trueimage, trueimagemonitor, trueimagelauncher, macrium reflect, reflectui, reflectbin, clonezilla, partclone
rescuezilla, fsarchiver, veeam, veeam.endpoint.tray, veeam.endpoint.service, backblaze, bztransmit, bzserv, bzbmenu
bzbui, bzfilelist, carbonite, carboniteservice, crashplan, crashplanservice, code42service, idrive, duplicati
duplicati.gui.trayicon, duplicati.server, duplicacy, arq, arqagent, carbon copy cloner, superduper, superduper!
time machine, backupd, backupd-helper, timeshift, timeshift-gtk, timeshift-launcher, snapper, snapperd, deja-dup
deja-dup-monitor, duplicity, borg, borgbackup, borgmatic, vorta, pika-backup, pikabackup, restic, rustic, kopia
kopia-ui, kopiaui, backintime, backintime-qt, grsync, luckybackup, rsnapshot, bacula-fd, bareos-fd
urbackupclientbackend, urbackupclientgui, urbackupsrv, amanda, rdiff-backup, unison, unison-gtk, unison-gui
freefilesync, freefilesync_gtk3, realtimesync, goodsync, allway sync, syncback, syncbackfree, syncbackpro, robocopy
teracopy, fastcopy, ultracopier, rufus, balenaetcher, balena etcher, etcher, balenaetcher-electron, ventoy
ventoy2disk, ventoygui, unetbootin, usbimager, usbwriter, popsicle, popsicle-gtk, rpi-imager, raspberry pi imager
win32diskimager, yumi, isousb, mintstick, imagewriter, gnome-multi-writer, startup-creator, usb-creator-gtk, brasero
k3b, xfburn, imgburn, nero, nerostartsmart, cdburnerxp, burnaware, ashampoo burning studio, daemon tools lite, dtlite
dtshellhlp, dtagent, discsoftbusservicelite, ultraiso, poweriso, pwrisovm, virtual clonedrive, vcddaemon, wincdemu
imdisk, gmountiso, furiusisomount, acetoneiso, cdemu-daemon, gcdemu, wodim, growisofs, xorriso, genisoimage, mkisofs
cdrecord, simple-scan, xsane, skanlite, skanpage, scanimage, gscan2pdf, naps2, vuescan, document-scanner
image capture, imagecaptureext, wfs, windowsscan, hp-toolbox, hp-systray, hp smart, hpscan, epson scan 2, epsonscan2
ij scan utility, cnmnsst, system-config-printer, system-config-printer-applet, system-config-pr, print-center
printbrm, gtklp
keepass, keepassxc, keepassxc-cli, keepassxc-proxy, keepassx, keeweb, bitwarden, bitwarden-desktop, bw, 1password
1password 7, 1password-browsersupport, 1password browser helper, 1password-crash-handler, lastpass, lastpass-cli
dashlane, nordpass, nordpass-app, proton pass, proton-pass, protonpass, enpass, enpassmac, roboform, robotaskbaricon
keeperpasswordmanager, keeper password manager, padloc, buttercup, passky, gopass, qtpass, password-store
gnome-passwordsafe, revelation, seahorse, kwalletmanager, kwalletmanager5, keychain access, authy, authy desktop
authenticator, gnome-authenticator, ente auth, 2fas, yubico authenticator, yubioath-desktop, authenticator-yubikey
ykman, ykman-gui, yubikey manager, yubikey-manager-qt, ledger live, trezor suite, trezord, exodus, electrum
bitcoin-qt, bitcoind, monero-wallet-gui, monerod, gpg, gpg2, gpg-agent, dirmngr, scdaemon, keyboxd, kleopatra, gpa
gpgtools, gpg keychain, gpgsm, gpg-connect-agent, veracrypt, truecrypt, cryptomator, zulucrypt-gui, sirikali, encfs
gocryptfs, cryfs, plasma-vault, cryptsetup, axcrypt, boxcryptor, openssl, certbot, acme.sh, mkcert, xca, step-ca
clamd, clamscan, clamdscan, freshclam, clamtk, clamav-daemon, clamonacc, rkhunter, chkrootkit, lynis, maldet
ossec-agentd, wazuh-agentd, wazuh-modulesd, wazuh-execd, wazuh-syscheckd, wazuh-logcollector, osqueryd, osqueryi
fleet-desktop, falcon-sensor, falcond, csfalconservice, csfalconcontainer, com.crowdstrike.falcon.agent, sentinelagent
sentinelone, sentinelservicehost, sentinelctl, sentineld, cbdaemon, repmgr, cortex xdr, cytray, cyserver, trapsd
mdatp, wdavdaemon, microsoft defender, microsoft defender atp, malwarebytes, mbam, mbamservice, mbamtray, mbae
rtprotectiondaemon, avastui, avastsvc, avastnm, aswidsagent, aswengsrv, wsc_proxy, avgui, avgsvc, avguard, avgnt
avira.spotlight.ui.application, avira.servicehost, avira.systray, avira, bdagent, bdservicehost, bdntwrk, vsserv
seccenter, bdredline, bdldaemon, ekrn, egui, eguiproxy, eset_daemon, esets_daemon, esets_gui, kavtray, avpui, kesl
klnagent, mcshield, mcuicnt, mfemms, mfevtps, mmsshost, masvc, macmnsvc, mcafee, mcapexe, modulecoreservice, norton
nortonsecurity, nortonsvc, nortonui, navw32, ccsvchst, symantec, sepwscsvc, rtvscan, savservice, sophosui, sophosfs
sophosav, sophosscand, sophosfilescanner, sophos endpoint, sspservice, swi_fc, hmpalert, trendmicro, coreserviceshell
uiwatchdog, uiseagnt, pccntmon, ntrtscan, tmlisten, ds_agent, wrsa, webroot, panda_url_filtering, psanhost, psuamain
psuaservice, fsav, fshoster32, fshoster64, fsdfwd, gdscan, gdfwsvc, avkproxy, a2service, a2guard, a2start, emsisoft
cistray, cmdagent, cavwp, zonealarm, zatray, vsmon, spybot, sdtray, sdupdsvc, superantispyware, hitmanpro
hitmanpro_x64, adwcleaner, fail2ban-server, fail2ban-client, crowdsec, crowdsec-firewall-bouncer, suricata, snort
zeek, aide, tripwire, samhain, usbguard, usbguard-daemon, ufw, gufw, gufw-pkexec, firewall-config, firewall-applet
opensnitch, blockblock, knockknock, oversight, reikey, santa, santad, santactl, jamf, jamfdaemon, jamfagent, kandji
kandji-daemon, mosyle, munki, managedsoftwareupdate, managed software center, intune company portal, company portal
intunemanagementextension, microsoft.management.services.intunewindowsagent, agentexecutor, ccmexec, ccmsetup
scnotification, cmrcservice, ninjarmmagent, ninjarmmagentpatcher, ateraagent, agentpackagemonitoring, ltsvc, ltsvcmon
lttray, kaseya, agentmon, pulseway, datadog-agent, trace-agent, process-agent, newrelic-infra, newrelic-infra-service
dynatrace, oneagent, oneagentos, oneagentwatchdog, splunkd, splunk, zabbix_agentd, zabbix_agent2, zabbix_server
nagios, nrpe, nsclient++, check_mk_agent, icinga2, netdata, apps.plugin, ebpf.plugin, monit, munin-node, collectd
snmpd, snmptrapd, amazon-ssm-agent, ssm-agent-worker, ssm-session-worker, amazon-cloudwatch-agent
google_osconfig_agent, google_guest_agent, google_cloud_ops_agent_engine, waagent, walinuxagent, waappagent
windowsazureguestagent, azuremonitoragentcore, mdsd, omsagent, omiserver, cloud-init, qualys-cloud-agent, qualysagent
nessusd, nessus-agent-module, tenable, rapid7, ir_agent, rubrik, nbagent, commvault, cvd, cohesity_linux_agent
landscape-client, landscape-config, insights-client, subscription-manager, rhsmcertd
nvidia-settings, nvidia control panel, nvcplui, nvidia app, nvidia geforce experience, geforce experience
nvidia overlay, nvidia web helper, nvspcaps64, nvsphelper64, nvbackend, nvtmru, nvprofileinspector
nvidiaprofileinspector, optimus-manager, prime-select, corectrl, corectrl_helper, lact, radeonsoftware, amdrsserv
amdrssrcext, cncmd, amdow, atieclxx_ui, radeon-profile, tuxclocker, gwe, greenwithenvy, coolercontrol, coolercontrold
liquidctl, gkraken, openrgb, lightingservice, armourycrate, armourycrate.usersessionhelper, armourycrate.service
armouryswagent, asus_framework, asusoptimization, asussoftwaremanager, rogliveservice, rog-control-center, asusd
asusctl, supergfxd, icue, corsair.service, corsair icue, corsairgamingaudiocfgservice64, corsair.service.cpuidremote64
razer synapse, razer synapse service, razer synapse 3, razer central, razer central service, rzsynapse
gamemanagerservice, gamemanagerservice3, razerappengine, razer chroma, rzsdkservice, openrazer-daemon, polychromatic
polychromatic-tray-applet, steelseriesgg, steelseriesengine, steelseriesgg client, steelseriessonar, sseupdate
lghub_agent, lghub_updater, lghub_system_tray, lcore, logioptionsplus, logioptionsplus_agent, logioptions
logioptionsmgr, logi options, logi options+, logi_crashpad_handler, logioverlay, setpoint, kem, khalmnpr, solaar
piper, ratbagd, libratbag, hyperx, ngenuity2, nzxt cam, cam_helper, msi center, msi.centralserver, msi_central_service
dragoncenter, mysticlight, easytune, aorus, rgbfusion, signalrgb, signalrgblauncher, lenovovantage
lenovovantageservice, vantageservice, lenovo.modern.imcontroller, lenovo vantage, imcontroller, ldiagservice
dellsupportassist, supportassistagent, supportassist, dell.techhub, dell.d3.winsvc, delloptimizer, dellcommandupdate
alienware command center, awccservice, hpsupportassistant, hpsystemoptimization, omencommandcenter
omencommandcenterbackground, hpwuschd2, hpcomponentmanager, hp.hphelper, mycontrolcenter, samsung magician
samsungmagician, samsung dex, smart switch, western digital dashboard, wddashboard, crucial storage executive
intel driver & support assistant, dsaservice, dsatray, dsaupdateservice, igfxem_ui, intelgraphicssoftware
realtek audio console, realtekaudiocontrol, ravcpl64, rtkngui64, nahimicservice, nahimicsvc64, nahimicsvc32, maxxaudio
waves maxxaudio, dtsapo4service, soundblaster, blasterx, piriform, driverbooster, driver booster
snappydriverinstaller, sdi_x64, display driver uninstaller, driver easy, blueman-applet, blueman-manager, blueman-tray
bluedevil-wizard, overskride, bluetuith, blueberry, blueberry-tray, pavucontrol, pavucontrol-qt, pavucontrol-gtk
pulsemixer, pamixer, alsamixer, amixer, ncpamixer, wpctl, pw-top, pw-cli, pactl, pacmd, volumeicon, pasystray, pnmixer
volctl, mate-volume-control-status-icon, kmix, redshift-applet, brightnessctl, xbacklight, ddcutil, wdisplays
nwg-displays, arandr, lxrandr, xrandr, kanshi, autorandr, wlr-randr, tlp, tlpui, slimbookbattery, auto-cpufreq
auto-cpufreq-gtk, cpupower, cpupower-gui, powerstat, batterymonitor, batstat, cbatticon, xfce4-power-manager-settings
`;
