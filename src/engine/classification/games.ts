/** Games, their launchers and what runs games: names as they are seen on Linux, Windows and macOS, without `.exe`. */

export const GAMES = `
steam, steamwebhelper, steamservice, steamerrorreporter, steam_osx, gameoverlayui, fossilize_replay
steam-runtime-launcher-service, steam-runtime-launch-client, pressure-vessel-wrap, pressure-vessel-adverb, srt-bwrap
steamos-session, gamescope, gamescope-wl, gamemoded, gamemoderun, mangohud, mangoapp, goverlay, protontricks
protonup-qt
epicgameslauncher, epicwebhelper, epiconlineservices, eosoverlayrenderer, fortniteclient-win64-shipping
fortnitelauncher
heroic, heroic games launcher, lutris, lutris-wrapper, bottles, bottles-cli, minigalaxy, gamehub, playonlinux
galaxyclient, galaxyclient helper, gog galaxy, galaxycommunication, galaxyclientservice, itch, itch-setup
originwebhelperservice, originclientservice, eadesktop, eabackgroundservice, ealauncher, ealocalhostsvc
uplay, ubisoftconnect, ubisoft connect, uplaywebcore, ubisoftgamelauncher, battle.net, battle.net launcher
riotclientservices, riotclientux, riotclientuxrender, riot client, leagueclient, leagueclientux, league of legends
valorant, valorant-win64-shipping, vgc, vgtray, rockstarservice, rockstar games launcher, socialclubhelper, playgtav
xboxapp, xboxpcapp, xboxgamebarwidgets, gamebar, gamebarftserver, gamingservices, gamingservicesnet, xboxpcappft
bethesda.net_launcher, wargamingerrormonitor, wgc, wargaming game center, playnite.desktopapp, playnite.fullscreenapp
geforcenow, geforcenowcontainer, moonlight, moonlight-qt, sunshine, parsec, parsecd, chiaki, greenlight
minecraft, minecraftlauncher, minecraft-launcher, minecraft launcher, minecraft.windows, prismlauncher, multimc
polymc, atlauncher
gdlauncher, modrinth app, modrinth-app, curseforge, curseforge app, technic launcher, tlauncher, lunarclient
lunar client
badlion client, feather launcher, minetest, luanti, minetestserver, veloren, veloren-voxygen, terraria, terrariaserver
roblox, robloxplayer, robloxplayerbeta, robloxplayerlauncher, robloxstudio, robloxstudiobeta, robloxcrashhandler
vinegar, grapejuice
csgo, cs2, csgo_linux64, hl2_linux, hl2, left4dead2, portal2_linux, dota, dota2, tf_win64, tf_linux64, gmod
srcds_linux
dontstarve, dontstarve_steam_x64, factorio, stardew valley, stardewvalley, stardewmoddingapi, hollow_knight
hollow knight, celeste
cuphead, undertale, deltarune, hades, deadcells, deadcells-server, slaythespire, balatro, vampiresurvivors, isaac-ng
enterthegungeon
rimworldlinux, rimworldwin64, rimworld, kerbal, ksp, ksp_x64, ksp2_x64, citiesskylines, cities2, simcity
oxygennotincluded
cookie clicker, subnautica, subnauticazero, nomanssky, nms, satisfactory, factorygame-win64-shipping
factorygamesteam-win64-shipping
valheim, valheim.x86_64, rustclient, shootergame, arkascended, pubg, tslgame, apex, r5apex, r5apex_dx12
escapefromtarkov
overwatch, diablo iv, diablo iii, diablo immortal, hearthstone, starcraft ii, sc2, sc2_x64, wowclassic
world of warcraft, heroesofthestorm
gta5, gtav, gta5_enhanced, gtavlauncher, rdr2, eldenring, darksouls, darksoulsiii, sekiro, armoredcore6
start_protected_game
witcher3, witcher2, cyberpunk2077, redprelauncher, redengineerrorreporter, bg3, bg3_dx11, skyrimse, skyrim
skyrimselauncher, fallout4, falloutnv
starfield, oblivionremastered, mass effect, masseffectlauncher, dragonage, fifa23, fc24, fc25, fc26, nba2k24, nba2k25
pes2021, efootball
rocketleague, fallguys_client_game, fallguys_client, among us, amongus, phasmophobia, lethal company
palworld-win64-shipping, palworld
genshinimpact, yuanshen, starrail, zenlesszonezero, hyp, hoyoplay, wutheringwaves, wuthering waves
client-win64-shipping
ffxiv, ffxiv_dx11, ffxivlauncher, xiv on mac, xivlauncher, xivlauncher.core, monsterhunterworld, monsterhunterwilds
re4, re2, streetfighter6, sf6, tekken8
forzahorizon4, forzahorizon5, forzamotorsport, flightsimulator, flightsimulator2024, halo infinite, haloinfinite
mcc-win64-shipping, seaofthieves, sotgame, aoe2de_s, aoede_s, aoe4, reliccardinal
civilizationvi, civ6, civ6sub, civilizationv, civilizationvii_win64_dx12, eu4, ck3, ck2game, hoi4, stellaris
victoria3, imperator, vic2game, x4, totalwar, warhammer3
worldofwarships64, worldoftanks, worldoftanks64, warthunder, crossout, eurotrucks2, amtrucks, assettocorsa, acs
beamng.drive.x64, beamng.drive, iracingui, iracingsim64dx11
thesims4, ts4_x64, ts4_dx9_x64, the sims 4, sims3, thesims, osu!, osu, osu-lazer, stepmania, etterna, geometrydash
beatsaber, beat saber, vrchat, recroom, vrserver, vrmonitor, vrcompositor
gnome-mines, gnome-chess, gnome-sudoku, gnome-mahjongg, gnome-2048, gnome-nibbles, gnome-robots, gnome-tetravex
gnome-klotski, aisleriot, quadrapassel, iagno, swell-foop, lightsoff, four-in-a-row, five-or-more, hitori, tali
kpat, kmines, kmahjongg, ksudoku, kbreakout, kolf, konquest, kapman, katomic, kblocks, kbounce, kdiamond, kgoldrunner
kigo, kiriki, kjumpingcube, klickety, knavalbattle, kreversi, kshisen, ksirk, ksnakeduel, kspaceduel, ksquares
ktuberling, kubrick, granatier, bovo, lskat, palapeli, picmi
supertux2, supertuxkart, 0ad, pyrogenesis, openttd, freeciv-gtk3, freeciv-sdl2, freeciv-server, freeciv-qt, wesnoth
wesnothd, warzone2100, hedgewars, hwengine, xonotic, xonotic-glx, xonotic-sdl, openarena, ioquake3, quake3, nexuiz
sauerbraten, assaultcube, assaultcube_client, redeclipse, tesseract, cube2, urbanterror
openra, openra-ra, openra-cnc, openra-d2k, widelands, endless-sky, naev, pioneer, vegastrike, flightgear, fgfs, fgrun
torcs, speed-dreams-2, stuntrally, trigger-rally, extremetuxracer, etr, neverball, neverputt, frozen-bubble, pingus
lbreakout2, ltris, lincity-ng, simutrans, colobot, megaglest, glest, unknown-horizons, unvanquished, teeworlds, ddnet
ddnet-server, teeworlds_srv, armagetronad, bzflag, bzfs, tremulous, alienarena, chromium-bsu, astromenace, blobby
blobby-volley2
nethack, nethack-console, slashem, angband, crawl, crawl-tiles, cataclysm, cataclysm-tiles, dwarfort, df_linux
dwarf fortress, brogue, tome4, dcss, moria, zangband, adom, cogmind
doom, gzdoom, lzdoom, zandronum, chocolate-doom, crispy-doom, prboom-plus, dsda-doom, doomretro, doom64ex
doometernalx64vk, doomx64vk, quakespasm, vkquake, yquake2, ironwail, darkplaces, dhewm3, rtcw, iortcw, etlegacy, etl
scummvm, dosbox, dosbox-x, dosbox-staging, retroarch, mame, mednafen, mednaffe, dolphin-emu, dolphin-emu-nogui
dolphinemu, pcsx2, pcsx2-qt, rpcs3, ppsspp, ppssppqt, ppssppsdl, duckstation, duckstation-qt, duckstation-nogui, epsxe
citra, citra-qt, azahar, yuzu, suyu, ryujinx, ryujinx.ava, cemu, xemu, xenia, xenia_canary, shadps4, vita3k, desmume
melonds, mgba, mgba-qt, visualboyadvance-m, vbam, snes9x, snes9x-gtk, bsnes, higan, ares, fceux, nestopia, mesen
mupen64plus, mupen64plus-gui, rosalie's mupen gui, simple64, project64, flycast, redream, x64sc, fs-uae, hatari
openmsx, emulationstation, es-de, pegasus-fe
gnuchess, stockfish, xboard, pychess, scid, dreamchess, brutalchess, lc0, chessx
2048-qt, bejeweled3, plantsvszombies, plantsvszombies_goty, pvz, candycrushsaga, solitaire, microsoft.solitaire
solitairecollection, microsoft solitaire collection, minesweeper, freecell, spidersolitaire, purbleplace, angrybirds
cuttherope, ut2004, unrealtournament, ut4, worms, wormswmd, trackmania, tmforever
unitycrashhandler64, unitycrashhandler32, easyanticheat, easyanticheat_eos, easyanticheat_setup, battleye, beservice
beservice_x64, beclient, faceit, faceitclient, faceitservice, gamelauncher
overwolf, overwolfbrowser, overwolfhelper, medal, medalencoder, razercortex, razer cortex, wemod, artmoney
cheatengine, cheatengine-x86_64, cheatengine-x86_64-sse4-avx2, cheat engine, modorganizer, nexusmods.app, r2modman
thunderstore mod manager
`;
