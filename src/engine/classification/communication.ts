/** Mail, messages, calls and meetings between people who know each other. */

export const COMMUNICATION = `
zoom, zoom.us, zoom workplace, zoomlauncher, zoomopener, zoomwebviewhost, zoomautoupdater, zoomus, cpthost, zcscpthost
zcefagent, zpwebviewhost, aomhost, caphost, zoommanager
skype, skype for business, skypeapp, skypebackgroundhost, skypebridge, skypehelper, skypeforlinux, skypeforlinux-bin
skypehost, lync, ucmapi, lync2013
whatsapp, whatsapp desktop, whatsapp-desktop, whatsapp.root, whatsie, zapzap, wasistlos, whatsapp-for-linux, whatsdesk
whatsapp-nativefier, altus, walc
telegram, telegram desktop, telegram-desktop, telegramdesktop, org.telegram.desktop, ayugram, 64gram, kotatogram
kotatogram-desktop, unigram, telegram lite, paper-plane, cutegram, telegram-cli, nchat, materialgram, forkgram
signal, signal-desktop, signal-desktop-b, signal beta, signal-cli, axolotl, session-desktop, session messenger
wire-desktop, threema, threema-desktop, threema work, threema-work, wickr, wickrme, wickrpro, briar, briar-desktop
jami, jami-gnome, jami-qt, jamid, dring, keet, olvid, delta chat, deltachat, deltachat-desktop, deltachat-tauri
simplex, simplex-chat, simplex-desktop, cwtch, ricochet-refresh, qtox, utox, toxic
viber, viberpc, wechat, weixin, wechatappex, wechatapp, wechatbrowser, wechat-uos, electronic-wechat, qq, qqprotect
linuxqq, dingtalk, dingtalkreal, com.alibabainc.dingtalk, lark, feishu, bytedance-feishu, wecom, wxwork, wemeetapp
tencent meeting, voov meeting, kakaotalk, zalo, imodesktop, icq, icq-desktop, mail.ru agent, magent, ymsgr
yahoomessenger, msnmsgr, windows live messenger, trillian, imessage, messages, imagent, facetime, callservicesd
avconferenced, identityservicesd, imtransferagent, phone link, yourphone, phoneexperiencehost, yourphoneserver
yourphoneappproxy
element, element-desktop, element-nightly, element-web, riot-desktop, fluffychat, nheko, neochat, fractal, schildichat
schildichat-desktop, cinny, cinny-desktop, quaternion, gomuks, iamb, weechat-matrix, polychat, beeper, mattermost
mattermost-desktop, mattermost desktop, rocketchat, rocketchat-desktop, rocket.chat, zulip, zulip-terminal
zulip-desktop, chanty, ryver, pumble, google chat, google-chat-linux, googlechat, hangouts, yakyak, google meet, webex
ciscocollabhost, ciscowebexstart, webexmta, webexhost, atmgr, ciscojabber, cisco webex meetings, cisco jabber
wbxreport, webexappmanager, webexteams, teamsmeetinglauncher
gotomeeting, goto-meeting, g2mlauncher, g2mcomm, g2mstart, g2mui, g2mupdate, bluejeans, bluejeans-v2, jitsi
jitsi meet, jitsi-meet, jitsi-meet-electron, jicofo, jvb, bigbluebutton, whereby, gathertown, ringcentral
ringcentral phone, ringcentral meetings, softphone, 3cx, 3cxdesktopapp, 3cxwin8phone, x-lite, zoiper, zoiper5
linphone, linphone-desktop, ekiga, twinkle, microsip, phonerlite, baresip, pjsua, mizudroid, csipsimple, callcentric
dialpad, aircall, vonage, openphone, 8x8, nextiva, grandstream wave, talkdesk
teamspeak, teamspeak3, ts3client, ts3client_linux_amd64, ts3client_win64, ts3client_runscript, teamspeak 3 client
ts3server, teamspeakclient, mumble, mumble-server, murmurd, murmur, mumble-worker, ventrilo, raidcall, plumble
sonobus, jamulus, jacktrip, jacktrip-gui, talkkonnect, talky
thunderbird, thunderbird-bin, thunderbird-esr, betterbird, betterbird-bin, evolution, evolution-alarm-notify
evolution-addressbook-factory, evolution-calendar-factory, evolution-source-registry, evolution-alarm, evolution-addre
evolution-calen, evolution-sourc, camel-lock-helper, kmail, kmail2, kontact, akonadi_imap_resource
akonadi_maildispatcher_agent, akregator, geary, mailspring, mailspring-sync, mailsync, claws-mail, sylpheed, balsa
trojita, mutt, neomutt, alpine, aerc, meli, mailnag, mailutils, mailx, s-nail, bluemail, bluemail-bin, em client
mailclient, hiri, postbox, postbox-bin, nylas mail, airmail, airmail 5, spark desktop, sparkmail, canary mail
mimestream, mailtimelinewidget, maild, com.apple.mail, mailcachedelete, protonmail-bridge, proton-bridge, bridge-gui
proton mail, proton-mail, protonmail, tutanota, tutanota-desktop, tuta mail, hey mail, superhuman, polymail, the bat
thebat, thebat64, foxmail, incredimail, pegasus, winpm-32, eudora, hxoutlook, hxtsr, hxmail, hxcalendarappimm
hxaccounts, wlmail, olk, outlook, microsoft outlook, outlook-for-linux, prospect-mail, new outlook, olkbg
vivaldi mail, offlineimap, mbsync, isync, getmail, fetchmail, msmtp, goimapnotify, vdirsyncer, davmail, birdtray
mailspring-linux
hexchat, irssi, weechat, weechat-headless, weechat-curses, konversation, kvirc, quassel, quasselclient, quasselcore
polari, srain, halloy, textual irc client, colloquy, adium, mirc, xchat, xchat-gnome, pidgin, finch, empathy, kopete
gajim, dino, dino-im, psi, psi-plus, profanity, poezio, mcabber, kaidan, monal, conversations, beagleim, bitlbee, znc
prosody, ejabberd, inspircd, ngircd, unrealircd, catgirl, senpai
`;
