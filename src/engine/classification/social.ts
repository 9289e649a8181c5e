/** Places to be with others, in the seed's sense of `social_media` (Discord, Slack, Teams, Facebook Messenger among them). */

export const SOCIAL_MEDIA = `
discord, discord ptb, discord canary, discordptb, discordcanary, discorddevelopment, discord-ptb, discord-canary
discord-screenaudio, webcord, vesktop, vesktop.bin, vencorddesktop, legcord, armcord, abaddon, discordsystemhelper
betterdiscord, discordo, dissent, gtkcord4, ripcord, goofcord, equibop
slack, slack-desktop, slack-term, slackapp, teams, ms-teams, msteams, microsoft teams
microsoft teams (work or school), microsoft teams classic, microsoft teams webview, ms-teamsupdate
ms-teams_modulehost, teams-for-linux, teams_for_linux, microsoft-teams, teams-insiders, microsoft teams (free)
facebook, facebook messenger, messenger, messengerdesktop, messenger for desktop, caprine, fbmessenger, workplace chat
workplace by meta, threads by meta
twitter, tweetbot, tweetdeck, twitterrific, mastonaut, tootle, dev.geopjr.tuba, whalebird, sengi, tokodon, hyperspace
mastodon, pinafore, fedilab, corebird, cawbird, choqok, bluesky, deck.blue, skeets
instagram, instagrid, tiktok, tiktok live studio, tiktoklivestudio, douyin, kuaishou, snapchat, snap camera
snapcamera, bereal, pinterest, tumblr, reddit, giara, redditisfun, lemoa
linkedin, xing, vkontakte, vk messenger, vkmessenger, odnoklassniki, weibo, sina weibo, zhihu, xiaohongshu, douban
kakaostory, clubhouse, yubo, parler, truth social, truthsocial, couchsurfing, tinder, bumble, okcupid, badoo, grindr
guilded, revolt, revolt-desktop, revolt.chat, stoat, stoat-desktop, fosscord, kloak, quora, letterboxd, goodreads
strava, untappd, deviantart, pixiv, artstation, behance, dribbble, diaspora, friendica, pleroma, akkoma, misskey
miria, milktea, pixelfed, lenster, farcaster, warpcast, nostr, nostrudel, coracle
`;
