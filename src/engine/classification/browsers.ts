/** Web browsers and the processes that they are made of. */

export const BROWSERS = `
chrome, google chrome, google chrome canary, google chrome beta, google chrome dev, google chrome for testing
google-chrome, google-chrome-stable, google-chrome-beta, google-chrome-unstable
chrome_crashpad_handler, chrome_crashpad, chrome-sandbox, chrome_proxy, chrome_pwa_launcher, chrome-headless-shell
headless_shell, nacl_helper, googleupdate, googleupdater, googlecrashhandler, googlecrashhandler64
chromium, chromium-browser, chromium-browse, chromium-bin, chromium-freeworld, ungoogled-chromium, ungoogled-chrom
thorium, thorium-browser, cromite, iridium-browser, supermium
firefox, firefox-esr, firefox-nightly, firefox developer edition, firefox-developer-edition, firefox nightly
firefox-beta, firefoxdeveloperedition, firefox-trunk, minidump-analyzer, plugin-container, default-browser-agent
pingsender, firefoxpwa
web content, webextensions, isolated web co, isolated servic, privileged cont, rdd process, socket process
utility process, gpu process, mozillabackgroundtask, glxtest
librewolf, waterfox, waterfox-classic, waterfox-g4, floorp, zen, zen-bin, zen-browser, zen browser, mullvad browser
mullvadbrowser, tor browser, torbrowser, torbrowser-launcher, start-tor-browser, palemoon, basilisk, icecat, abrowser
seamonkey, mercury-browser, k-meleon
microsoft edge, msedge, msedgewebview2, microsoftedge, microsoftedgecp, microsoftedgesh, microsoftedgeupdate
microsoftedgeupdater, microsoft-edge, microsoft-edge-stable, microsoft-edge-beta, microsoft-edge-dev, edge
msedge_proxy
safari, safari technology preview, safarinotificationagent, safaribookmarkssyncagent, safarilaunchagent
safari web content, com.apple.webkit.webcontent, com.apple.webkit.networking, com.apple.webkit.gpu
com.apple.safari.history, com.apple.safari.safebrowsing.service, mobilesafari
brave, brave-browser, brave browser, brave-browser-stable, brave-browser-beta, brave-browser-nightly
bravecrashhandler, braveupdate, brave_crashpad_handler
opera, opera-stable, opera-beta, opera-developer, opera gx, operagx, opera_autoupdate, opera_crashreporter
opera_gx_splash, operaair
vivaldi, vivaldi-bin, vivaldi-stable, vivaldi-snapshot, vivaldi_crashpad_handler, arc, arc helper, sigmaos, orion
orion browser, browser_broker
iexplore, ielowutil, internet explorer, ieinstal, maxthon, yandex, yandex_browser, yandex-browser, yandexbrowser
yandex browser, 360se, 360chrome, qqbrowser, sogouexplorer, ucbrowser, naver whale, coccoc, browser_coccoc
cent browser, centbrowser, slimjet, slimbrowser, avastbrowser, avgbrowser, ccleanerbrowser, aviragsecurebrowser
duckduckgo, duckduckgo browser, duckduckgo.webview, comodo_dragon, icedragon, srware iron, wavebox, sidekick
ghost browser, ghostery, ghostery dawn, avast secure browser, chatgpt atlas, ladybird, webcontent, servo, servoshell
epiphany, epiphany-browser, gnome-web, webkitwebprocess, webkitnetworkprocess, webkitgpuprocess, webkitnetworkpr
ephy-profile-migrator, konqueror, falkon, qutebrowser, qtwebengineprocess, qtwebengineproc, angelfish, midori, dooble
otter-browser, surf, badwolf, luakit, vimb, nyxt, min-browser, netsurf, netsurf-gtk, netsurf-gtk3, netsurf-fb, dillo
eolie, rekonq, arora, uzbl-core, xlinks2, edbrowse, lynx, links, links2, elinks, w3m, browsh, carbonyl, chawan
offpunk, amfora, lagrange
torbrowser-laun, tor-browser, beaker browser, agregore, polypane, sizzy, responsively app, blisk, flow-browser
ferdium, ferdi, rambox, franz, webcatalog, nativefier, epichrome, biscuit, stack-browser, colibri, ulaa, helium
helium-browser
`;
