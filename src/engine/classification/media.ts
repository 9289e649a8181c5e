/** Playing, streaming, recording and making of sound, pictures and film. */

export const MEDIA = `
spotify, spotify helper, spotifywebhelper, spotifycrashservice, spotifylauncher, spotifymigrator, spotify-client
spotifyd, spotify-tui, spt, spotify_player, psst, psst-gui, librespot, ncspot, spotify-qt, spotube, spicetify, tidal
tidal-hifi, tidalplayer, high-tide, deezer, deezer-desktop, qobuz, amazon music, amazon music helper, apple music
applemusic, applemusic.win, music.ui, musiccacheextension, itunes, ituneshelper, itunesxpc, youtube music
youtube-music, youtubemusic, ytmdesktop, ytmdesktop2, youtube music desktop app, ytmdesktop-bin, th-ch, muzika
monophony, soundcloud, nuclear, headset, museeks, harmonoid, moosync, audius, bandcamp, mixcloud, pandora, iheartradio
tunein, radiotray, radiotray-ng, shortwave-radio, goodvibes, gradio-radio, pyradio, radiodroid, curseradio, cider
cider-2, sidra, feishin, sublime-music, supersonic, sonixd, tauon, tauonmb, tauon music box, plexamp, finamp
audiobookshelf, cozy, audible, libation, storyteller
netflix, netflix.windows, amazon prime video, primevideo, prime video, disney+, disneyplus, disney.37853fc22b2ce, hulu
hbo max, peacock, paramount+, apple tv, appletv, tv.app, crunchyroll, youtube, youtube desktop, youtube tv, freetube
minitube, pipe-viewer, smtube, gtk-pipe-viewer, tubefeeder, ytfzf, invidtui, twitch, twitch studio, twitchstudio
chatterino, chatterino7, streamlink, streamlink-twitch-gui, gnome-twitch, technorino, dtv, plex, plex media server
plex media player, plexmediaserver, plexmediaplayer, plexscripthost, plex tuner service, plex transcoder
plex dlna server, plex htpc, plex-htpc, plex desktop, plex-desktop, jellyfin, jellyfin-server, jellyfinmediaplayer
jellyfin media player, jellyfin-mpv-shim, jellyfin-ffmpeg, embyserver, emby, embytheater, emby theater, kodi, kodi.bin
kodi-x11, kodi-wayland, kodi-gbm, kodi-standalone, xbmc, mythfrontend, mythbackend, tvheadend, mediaportal, stremio
stremio-runtime, stremio-service, popcorntime, popcorn-time, popcorn time, popcorn-desktop, iptvnator, hypnotix
freetuxtv, infuse, minidlnad, minidlna, rygel, gerbera, universal media server, ums, serviio, bilibili, iqiyi, youku
qqlive, mgtv, potplayermini, potplayermini64, daum potplayer, dlna-player, molotov, zattoo, joyn, waipu, sky go, skygo
nowtv, f1 tv, dazn, curiositystream, vrv
vlc, cvlc, qvlc, vlc-bin, vlc-cache-gen, mpv, mpvnet, mpv.net, mplayer, smplayer, gmplayer, celluloid, gnome-mpv
haruna, totem, totem-video-thumbnailer, totem-plparser, gnome-videos, showtime, parole, dragonplayer, kaffeine, xine
xine-ui, gxine, xplayer, clapper, livi, baka-mplayer, bomi, deepin-movie, qmplay2, mpc-hc, mpc-hc64, mpc-be, mpc-be64
wmplayer, wmpnetwk, wmpnscfg, setup_wm, zunehelper, video.ui, microsoft.media.player, movies & tv, films & tv
groove music, zune, kmplayer, kmplayer64, gom, gomplayer, gom player, 5kplayer, allplayer, bsplayer, mediamonkey
realplay, realplayer, realsched, powerdvd, powerdvd22, windvd, quicktime player, quicktimeplayer, quicktime, iina
iina-cli, elmedia video player, elmedia player, movist, movist pro, divx player, zoomplayer, screenbox
rhythmbox, rhythmbox-client, clementine, clementine-tagreader, strawberry, strawberry-tagreader, audacious, amarok
banshee, lollypop, gnome-music, amberol, elisa, juk, quodlibet, exfalso, deadbeef, deadbeef-main, cmus, cmus-remote
mocp, mpd, mpc, ncmpc, ncmpcpp, cantata, gmpc, ymuse, mopidy, guayadeque, pragha, sayonara, pithos, exaile
io.elementary.music, muine, gmusicbrowser, qmmp, xmms, xmms2d, herrie, musikcube, musikcubed, termusic, cliamp
tomahawk, nightingale, songbird, foobar2000, winamp, winampa, winamp desktop, wacup, aimp, musicbee, xmplay, swinsian
audirvana, audirvana studio, roon, roonappliance, roonserver, roonbridge, raatserver, hqplayer, hqplayer4desktop
jriver media center, media center 31, mediacenter31, squeezelite, logitechmediaserver, lyrionmusicserver, slimserver
squeezeboxserver, snapserver, snapclient, shairport-sync, airfoil, airsonic, navidrome, gonic, subsonic, ampache
lidarr, beets, beet, picard, easytag, kid3, kid3-qt, kid3-cli, puddletag, tagscanner, mp3tag, soundconverter
sound-juicer, asunder, abcde, ripperx, cdparanoia, exact audio copy, dbpoweramp, xld, goobox, whipper, puddletag-bin
gnome-sound-recorder, soundrecorder, voice recorder, voice memos, voicememos, vocaroo
audacity, tenacity, ardour, ardour6, ardour7, ardour8, ardour9, mixbus, reaper, reaper_host64, reaper_host32
reaper_x86_64, bitwig studio, bitwig-studio, bitwigstudio, bitwigpluginhost, bitwigaudioengine, ableton live
ableton live 11 suite, ableton live 12 suite, ableton live 11, ableton live 12, ableton index, fl64, fl studio
flstudio, ilbridge, logic pro, logic pro x, garageband, mainstage, pro tools, protools, cubase, cubase12, cubase13
nuendo, studio one, studioone, renoise, lmms, lmms-bin, zrythm, qtractor, rosegarden, muse4, muse3, musescore
musescore4, musescore3, mscore, mscore4portable, mscore3, mscore-4.0, musescore 4, musescore 3, sibelius, finale
dorico, dorico5, frescobaldi, lilypond, denemo, tuxguitar, guitar pro, guitarpro, guitarpro8, songsterr, hydrogen
drumkv1, carla, carla-bridge-native, qsynth, fluidsynth, timidity, vmpk, yoshimi, zynaddsubfx, surge-xt, vcv rack
cardinal, guitarix, rakarrack, jalv, jalv.gtk, giada, sonic pi, sonic-pi, sonic visualiser, sonic-visualiser
supercollider, sclang, scsynth, scide, puredata, purr-data, csound, chuck, tidalcycles, mixxx, traktor, rekordbox
serato dj pro, serato dj lite, virtualdj, djay, djay pro, xwax, ocenaudio, wavelab, wavosaur, goldwave, soundforge
adobe audition, izotope rx 10 audio editor, rx 11 audio editor, spectrallayers, kwave, rezound, mhwaveedit
soundtracker, milkytracker, schismtracker, openmpt, goattrk2, furnace, famistudio, famitracker, deflemask
native access, native instruments, komplete kontrol, kontakt, kontakt 7, maschine, arturia software center, landr
loopback, soundsource, audio hijack, voicemeeter, voicemeeterpro, voicemeeter8, voicemeeter8x64, vban_voicemeeter
voicemod, voicemoddesktop, clownfishvoicechanger, soundpad, easyeffects, pulseeffects, jamesdsp, equalizerapo, fxsound
eqmac, boom3d, dolbydax2api, qjackctl, qpwgraph, helvum, coppwr
obs, obs64, obs32, obs-studio, obs studio, obs-ffmpeg-mux, obs-browser-page, obs-browser-helper, streamlabs
streamlabs obs, streamlabs desktop, slobs, slobs-client, xsplit, xsplit.core, xsplitbroadcaster, xsplit.vcam, wirecast
vmix, vmix64, prism live studio, prismlivestudio, camtasia, camtasiastudio, camtasia 2023, screenflow, screenstudio
screen studio, loom helper, bandicam, bdcam, bdcam64, fraps, dxtory, nvidia share, nvidia broadcast
nvidia broadcast ui, simplescreenrecorder, kazam, vokoscreen, vokoscreenng, peek, byzanz-record, recordmydesktop
gtk-recordmydesktop, green-recorder, kooha, gpu-screen-recorder, gpu-screen-recorder-gtk, wf-recorder, wl-screenrec
blue-recorder, screencast, quickrecord, snagit32, snagiteditor, snagit 2024, screentogif, licecap, gifcam, cleanshot x
cleanshot, gyazo, elgato, elgato 4k capture utility, gamecapture, camerahub, elgato camera hub, streamdeck
stream deck, opendeck, wavelink, cheese, snapshot, guvcview, kamoso, webcamoid, camorama, droidcam, droidcam-cli
iriunwebcam, camo studio, epoccam, ivcam, manycam, windowscamera, photo booth, photobooth, zoneminder, zmc, zma
shinobi, blueiris, frigate
premiere, adobe premiere pro, adobe premiere pro 2024, adobe premiere rush, afterfx, adobe after effects
adobe media encoder, mediaencoder, adobe prelude, adobe character animator, final cut pro, finalcutpro, imovie
compressor, davinci resolve, resolve, davinciresolve, fuscript, avid media composer, avidmediacomposer, vegaspro
vegas180, vegas200, powerdirector, powerdirector18, pdr, filmora, wondershare filmora, wondershare filmora 13
filmorago, movavi video editor, videoproc, capcut, jianyingpro, clipchamp, microsoft.clipchamp, clipchamp.cli
moviemaker, videopad, edius, hitfilm, lightworks, ntcardvt, olive-editor, kdenlive, kdenlive_render, openshot
openshot-qt, shotcut, flowblade, pitivi, cinelerra, avidemux, avidemux3_qt5, avidemux3_qt6, avidemux3_cli, losslesscut
vidcutter, video-trimmer, handbrake, handbrakecli, ghb, fr.handbrake.ghb, handbrake.worker, staxrip, xmedia recode
format factory, formatfactory, freemake, winff, ffmpeg, ffprobe, ffplay, avconv, mencoder, gst-launch-1.0
gst-play-1.0, gst-plugin-scanner, x264, x265, svtav1encapp, aomenc, vpxenc, av1an, rav1e, mkvmerge, mkvextract
mkvtoolnix, mkvtoolnix-gui, mmg, mp4box, mediainfo, mediainfo-gui, makemkv, makemkvcon, dvdstyler, dvdshrink, dvdfab
anydvd, k9copy, ogmrip, thoggen, oggenc, oggdec, opusenc, sox, mpg123, mpg321, ogg123, madplay, aplay, arecord
speaker-test, afplay, afconvert, subtitleedit, subtitle edit, aegisub, gnome-subtitles, subtitlecomposer, gaupol
jubler, yt-dlp, youtube-dl, youtube-dl-gui, yt-dlp-gui, jdownloader2, jdownloader, 4kvideodownloader
4k video downloader, clipgrab, video-downloader, gallery-dl, tartube, stacher, downie 4, permute 3, get_iplayer
mps-youtube, mpsyt
blender, blender-launcher, blender-softwaregl, maya, maya.bin, mayabatch, 3dsmax, cinema 4d, houdini, houdinifx
hython, zbrush, lightwave, substance painter, adobe substance 3d painter, adobe substance 3d designer
marvelous designer, daz studio, dazstudio, makehuman, synfigstudio, synfig, opentoonz, tahoma2d, pencil2d, tupitube
toonboom harmony, wings3d, k-3d, meshlab, cloudcompare, keyshot, vray, luxcoreui, mandelbulber2, apophysis, terragen
worldpainter, unrealcaptureassistant, wallpaper32, wallpaper64, wallpaperengine, wallpaperservice32_c, lively
livelywpf, lively wallpaper, rainmeter, hidamari
microsoft.photos, photos_app, photolibraryd, photoanalysisd, photosd, mediaanalysisd, cloudphotod, photoscreen, eog
eom, loupe, gthumb, shotwell, gwenview, ristretto, nomacs, geeqie, gpicview, lximage-qt, feh, sxiv, nsxiv, imv
imv-wayland, imv-x11, qimgv, qview, xviewer, viewnior, vimiv, swayimg, oculante, photoqt, pqiv, gliv, gnome-photos
io.elementary.photos, digikam, showfoto, darktable, darktable-cli, rawtherapee, rawtherapee-cli, filmulator
luminance-hdr, hugin, ptbatchergui, enblend, entangle, rapid-photo-downloader, xnview, xnviewmp, xnview mp, irfanview
i_view32, i_view64, faststone, fsviewer, imageglass, jpegview, honeyview, picasa, picasa3, picasaphotoviewer
photoviewer, acdsee, acdsee photo studio, capture one, captureone, dxo photolab, dxo.photolab, luminar, luminar neo
on1 photo raw, topaz photo ai, topaz video ai, topaz gigapixel ai, photomatix, aurora hdr, lightroom cc, nx studio
nxstudio, digital photo professional, dpp4, imagej, imagej-linux64, photoflare, fotoxx, phototonic, upscayl, waifu2x
mogrify, magick, imagemagick, exiftool, exiv2, immich, photoprism, piwigo, windowsphotoviewer
`;
