//! What the bots say beside credits, in each language.

use super::outcome::Failure;

/// The texts of a language.
#[derive(Debug, PartialEq, Eq)]
pub struct Words {
    /// Its code in the daemon's API.
    pub language: &'static str,
    /// What the bot does.
    pub help: &'static str,
    /// The chat has asked too often.
    pub too_often: &'static str,
    /// More is being answered than can be.
    pub busy: &'static str,
    /// The same of this one chat.
    pub chat_busy: &'static str,
    /// Stands above the page of an artwork that a picture led to.
    pub page: &'static str,
    pub command: &'static str,
    pub command_url: &'static str,
    pub command_picture: &'static str,
    not_supported: &'static str,
    no_artwork: &'static str,
    artwork_unreadable: &'static str,
    nobody: &'static str,
    picture_unknown: &'static str,
    picture_unreadable: &'static str,
    picture_too_big: &'static str,
    pictures_off: &'static str,
    budget: &'static str,
    goes_on: &'static str,
    failed: &'static str,
    unavailable: &'static str,
    stopping: &'static str,
}

pub const ENGLISH: Words = Words {
    language: "en",
    help: "Send me the link to an artwork's page, or a picture, and I answer with its artist: the posts that \
        show it, and the artist's pages. In a group, mention me or reply to me.",
    too_often: "That is more than I may answer in this chat. Ask again in a minute.",
    busy: "I have as much to do as I can bear. Ask again in a few minutes.",
    chat_busy: "Three searches for this chat are on their way. Ask again when they are answered.",
    page: "The artwork's page:",
    command: "Who made this artwork?",
    command_url: "The address of the artwork's page",
    command_picture: "The picture itself",
    not_supported: "This is not the page of an artwork on a site that I know.",
    no_artwork: "I find no artwork on this page. Perhaps it was deleted.",
    artwork_unreadable: "I cannot read the picture of this artwork. Ask again later.",
    nobody: "I found nobody to credit for this.",
    picture_unknown: "I have not seen this picture yet. With the link to its page I can find more.",
    picture_unreadable: "I cannot read this picture.",
    picture_too_big: "This picture is too large for me.",
    pictures_off: "I may not search for pictures here. Send me the link to the artwork's page.",
    budget: "What may be read today has been read. Ask again tomorrow.",
    goes_on: "The search takes longer than I wait, and goes on. Ask again later.",
    failed: "Something went wrong with this search. Ask again later.",
    unavailable: "The search does not answer now. Ask again later.",
    stopping: "I am being started again. Ask once more in a minute.",
};

pub const FRENCH: Words = Words {
    language: "fr",
    help: "Envoyez-moi le lien d'une illustration, ou une image, et je réponds avec son artiste\u{a0}: les \
        publications qui la montrent, et les pages de l'artiste. Dans un groupe, mentionnez-moi ou \
        répondez-moi.",
    too_often: "C'est plus que je ne peux répondre dans cette discussion. Redemandez dans une minute.",
    busy: "J'ai trop à faire en ce moment. Redemandez dans quelques minutes.",
    chat_busy: "Trois recherches sont en cours pour cette discussion. Redemandez quand elles auront leur \
        réponse.",
    page: "La page de l'illustration\u{a0}:",
    command: "Qui a fait cette illustration\u{a0}?",
    command_url: "L'adresse de la page de l'illustration",
    command_picture: "L'image elle-même",
    not_supported: "Ce n'est pas la page d'une illustration sur un site que je connais.",
    no_artwork: "Je ne trouve pas d'illustration sur cette page. Peut-être a-t-elle été supprimée.",
    artwork_unreadable: "Je ne peux pas lire l'image de cette illustration. Redemandez plus tard.",
    nobody: "Je n'ai trouvé personne à créditer pour ceci.",
    picture_unknown: "Je n'ai pas encore vu cette image. Avec le lien de sa page, je peux en trouver plus.",
    picture_unreadable: "Je ne peux pas lire cette image.",
    picture_too_big: "Cette image est trop grande pour moi.",
    pictures_off: "Je ne peux pas chercher d'images ici. Envoyez-moi le lien de la page de l'illustration.",
    budget: "Ce qui pouvait être lu aujourd'hui l'a été. Redemandez demain.",
    goes_on: "La recherche dure plus longtemps que je n'attends, et continue. Redemandez plus tard.",
    failed: "Quelque chose a échoué dans cette recherche. Redemandez plus tard.",
    unavailable: "La recherche ne répond pas en ce moment. Redemandez plus tard.",
    stopping: "On me redémarre. Redemandez dans une minute.",
};

impl Words {
    /// English where the language is none of ours.
    pub fn of(language: &str) -> &'static Words {
        [&FRENCH].into_iter().find(|words| words.language == language).unwrap_or(&ENGLISH)
    }

    /// Why there is no credit.
    pub fn tell(&self, failure: Failure) -> &'static str {
        match failure {
            Failure::NotSupported => self.not_supported,
            Failure::NoArtwork => self.no_artwork,
            Failure::ArtworkUnreadable => self.artwork_unreadable,
            Failure::Nobody => self.nobody,
            Failure::PictureUnknown => self.picture_unknown,
            Failure::PictureUnreadable => self.picture_unreadable,
            Failure::PictureTooBig => self.picture_too_big,
            Failure::PicturesOff => self.pictures_off,
            Failure::Budget => self.budget,
            Failure::GoesOn => self.goes_on,
            Failure::Failed => self.failed,
            Failure::Unavailable => self.unavailable,
            Failure::Stopping => self.stopping,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_is_found() {
        assert_eq!(Words::of("fr"), &FRENCH);
        assert_eq!(Words::of("en"), &ENGLISH);
        assert_eq!(Words::of("de"), &ENGLISH);
    }

    /// Discord takes descriptions of commands up to this length.
    #[test]
    fn descriptions_of_commands_are_short() {
        for words in [ENGLISH, FRENCH] {
            for text in [words.command, words.command_url, words.command_picture] {
                assert!((1..=100).contains(&text.chars().count()), "{text}");
            }
        }
    }
}
