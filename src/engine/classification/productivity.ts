/** Documents, notes, calendars, drawing and other office work. */

export const PRODUCTIVITY = `
winword, excel, powerpnt, onenote, onenotem, onenoteim, msaccess, mspub, visio, winproj, infopath, officeclicktorun
officec2rclient, msoia, officehub, officehubtaskhost, excelcnv, msosync, msouc, eqnedt32, wordpad, wordview, msoadfsb
appvshnotify, sdxhelper, aimgr
microsoft word, microsoft excel, microsoft powerpoint, microsoft onenote, microsoft project, microsoft to do
microsoft loop, microsoft365, microsoft 365 copilot, microsoft whiteboard, microsoft planner, power automate
pad.console.host, powerbi, pbidesktop, copilot, todo, microsoft.notes, microsoft sticky notes, stikynot
soffice, oosplash, libreoffice, localc, lowriter, lodraw, loimpress, lobase, lomath, libreoffice-writer
libreoffice-calc, scalc, swriter, simpress, sdraw, smath, sbase, openoffice, openoffice4, neooffice, collabora office
collaboraoffice, coolwsd, coolforkit, unoserver, unoconv
onlyoffice, desktopeditors, onlyoffice-desktopeditors, onlyoffice desktop editors, documentserver, wps, wpp, wpspdf
wpsoffice, wps office, wpscloudsvr, wpscenter, ksolaunch, freeoffice, textmaker, planmaker, softmaker, hancom office
hwp, hword, hcell, hshow
abiword, gnumeric, calligra, calligrawords, calligrasheets, calligrastage, karbon, kexi, calligraplan, ghostwriter
focuswriter, manuskript, bibisco, yawriter, novelwriter, scrivener, ulysses, ia writer, iawriter, bear, byword
writemonkey, writeroom, keynote, textedit, texmaker, texstudio, kile, lyx, texworks, gummi, setzer, overleaf, scribus
qpdfview
notion, notion helper, notion calendar, notion-app, notion-app-electron, notion-snap, notion-app-enhanced, notion mail
obsidian, logseq, roam research, roam-research, joplin, joplin-desktop, standard notes
standard-notes, simplenote, evernote, evernotetray, evernoteclipper, nixnote2, tusk, qownnotes, zettlr, trilium
trilium notes, triliumnext notes, anytype, appflowy, affine, siyuan, siyuan-kernel, remnote, capacities, tana
heptabase, workflowy, dynalist, xmind, freemind, freeplane, mindnode, mindmanager, simplemind, minder, vym
view-your-mind, semantik, labyrinth, coggle, scapple, cherrytree, zim, tomboy, gnote, gnome-notes, bijiben, iotas
rnote, xournal, xournalpp, xournal++, goodnotes, goodnotes 5, notability, nebo, basket, kjots, knotes, knotes5
marknote, notes-up, stickies, sticky, stickynotes, indicator-stickynotes, turtl, laverna, boostnote, boost note
inkdrop, typora, marktext, mark text, apostrophe, formiko, remarkable, retext, abricotine, haroopad, macdown, mweb
heynote, antinote, nvalt, fsnotes
acrobat, acrord32, acrocef, rdrcef, acrord64, acrodist, adobe acrobat, adobe acrobat reader, adobearm, adobecollabsync
foxitreader, foxitpdfreader, foxitpdfeditor, foxitphantompdf, foxit reader, sumatrapdf, pdfxcview, pdfxedit
pdf-xchange editor, nitropdf, nitropro, pdfelement, pdfarchitect, pdfsam, pdfsam basic, okular, evince
evince-previewer, evince-thumbnailer, evinced, atril, atrild, xreader, xreaderd, zathura, mupdf, mupdf-gl, mupdf-x11
xpdf, qpdf, pdfarranger, pdfmod, pdfmixtool, pdfslicer, krop, masterpdfeditor, masterpdfeditor5, pdfstudio, llpp
sioyek, skim, pdf expert, pdfpen, pdfpenpro, pdf reader, quicklookd, djview, djview4, stirling-pdf, pdfgear
calibre, calibre-parallel, calibre-server, ebook-viewer, ebook-edit, ebook-convert, foliate, bookworm, koreader
kindle, kindle for pc, kindle previewer 3, adobe digital editions, digitaleditions, apple books, thorium reader
thorium-reader, fbreader, sigil, zotero, zotero-bin, mendeley, mendeleydesktop, mendeley reference manager, endnote
jabref, citavi, kbibtex, referencer, qiqqa, readcube papers, devonthink, devonthink 3, paperless
todoist, ticktick, things3, omnifocus, any.do, wunderlist, microsofttodo, superlist, akiflow, sunsama, fantastical
busycal, calendar, mineturtle, korganizer, gnome-calendar, gnome-todo, endeavour, planify, io.github.alainm23.planify
errands, taskwarrior, taskw, taskwarrior-tui, vit, gtg, getting things gnome, zanshin, orage, osmo, california
calcurse, khal, rainlendar2, trello, asana, monday.com, clickup, jira, basecamp, basecamp 3, wrike, smartsheet
airtable, confluence, teamwork, taskcoach, projectlibre, ganttproject, openproj, omniplan, merlin project, toggl
toggl track, toggltrack, toggldesktop, clockify, rescuetime, activitywatch, aw-qt, aw-server, aw-watcher-afk
aw-watcher-window, arbtt-capture, hamster, hamster-time-tracker, timetrap, gnome-pomodoro, pomodone, focus to-do
be focused, cold turkey blocker, anki, mnemosyne, quizlet, memrise, duolingo
gnucash, kmymoney, homebank, skrooge, moneydance, quicken, quickbooks, qbw32, qbw, ynab, you need a budget, grisbi
money manager ex, mmex, banktivity, moneymoney, ledger-live, actual budget, firefly-iii, turbotax, taxact, sage50
datev, lexware, elster, wiso steuer, odoo, odoo-bin, tryton, sapgui, saplogon, salesforce, dynamics, hubspot, tally
tallyprime
photoshop, adobe photoshop, illustrator, adobe illustrator, indesign, adobe indesign, adobe xd, lightroom
adobe lightroom, adobe lightroom classic, adobe bridge, dreamweaver, adobe animate, incopy, creative cloud
creative cloud helper, creative cloud ui helper, coresync, ccxprocess, cclibrary, adobe desktop service
adobenotificationclient, adobe_licensing_helper, adobeipcbroker, adobeupdateservice, agsservice, agmservice, armsvc
figma, figma_agent, figma agent, figma-linux, figmaagent, zeplin, invision, framer, penpot, penpot-desktop, lunacy
canva, affinity designer, affinity photo, affinity publisher, affinity designer 2, affinity photo 2
affinity publisher 2, affinity, coreldraw, coreldrw, corelpp, paintshop pro, gimp, gimp-console, script-fu, inkscape
inkview, krita, kritarunner, mypaint, mypaint-gtk3, pinta, paintdotnet, paint.net, mspaint, paint, paintstudio.view
pixelmator, pixelmator pro, acorn, procreate, clip studio paint, clipstudiopaint, clipstudio, medibang
medibangpaintpro, sai2, opencanvas, artrage, rebelle, aseprite, libresprite, pixelorama, graphicsgale, drawpile
tux paint, tuxpaint, kolourpaint, xpaint, drawio, draw.io, dia, yed, evolus pencil, lucidchart, miroapp, excalidraw
mural, omnigraffle, whimsical, sweethome3d, sweet home 3d, sketchup, archicad, revit, autocad, acad, accoreconsole
fusion360, fusion 360, solidworks, sldworks, rhino, rhinoceros, librecad, freecad, freecadcmd, openscad, qcad
qcad-bin, draftsight, bricscad, brl-cad, solvespace, microstation, catia, creo, xtop, tinkercad, cura, ultimaker-cura
ultimaker cura, prusaslicer, prusa-slicer, bambu-studio, bambustudio, orcaslicer, orca-slicer, superslicer, slic3r
ideamaker, simplify3d, qgis, qgis-bin, qgis-ltr-bin, arcgispro, googleearth, googleearth-bin, google earth
google earth pro, marble, jupyter-lab, spss, jasp, jamovi, minitab, stata, statase, eviews, mathematica, wolframkernel
wolfram, wolframnb, grammarly, grammarly desktop, grammarlydesktop, languagetool, languagetool-server, prowritingaid
deepl, dragon, natspeak, goldendict, goldendict-ng, stardict, artha, babylon, crow, crow-translate, dialect
deepl-linux-electron, chatgpt, claude, perplexity, gemini, gpt4all, lm studio, lm-studio, lmstudio, msty, anythingllm
raycast, alfred, alfred 5, launchbar, wox, flow.launcher, powerlauncher, ueli, albert, ulauncher, google drive
googledrivefs, google docs, backupandsync, googledrivesync, dropbox, dropboxd, dropboxupdate, dropbox helper
dropbox_dialog, onedrive, onedrive.sync.service, onedrivesetup, filecoauth, filesynchelper, onedriver
onedrivestandaloneupdater, icloud, iclouddrive, icloudservices, cloudd, nextcloud, nextcloudcmd
nextcloud-desktop-client, nextcloud-client, owncloud, owncloudcmd, seafile-applet, seafile, seaf-daemon, seaf-cli
syncthing, syncthing-gtk, syncthingtray, syncthingtray-qt6, syncthing-macos, syncthing-inotify, megasync, megaclient
mega-cmd-server, mega-desktop-app, pcloud, pcloudcc, boxsync, box drive, box edit, tresorit, spideroakone
resilio-sync, rslsync, resilio sync, insync, insync-headless, odrive, odriveagent, mountain duck, mountainduck
expandrive, proton drive, protondrive, internxt drive, koofr, jottacloud, jottad, filen, sync.com, yandexdisk
yandex-disk, yandexdisk2, mailrucloud
`;
