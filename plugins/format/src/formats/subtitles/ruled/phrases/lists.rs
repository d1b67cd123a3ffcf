//! Words of some languages.

/// The words of one language; empty for one without lists.
#[derive(Default)]
pub(super) struct Lists {
    /// Articles, prepositions, possessives, conjunctions and auxiliaries: they belong to the next word.
    glue: &'static str,
    /// Conjunctions, prepositions and relative words: a phrase begins with them.
    openers: &'static str,
    /// Titles, which belong to a name, with their full stops.
    titles: &'static str,
    /// Articles and possessives, of languages in which an adjective stands between them and the noun.
    articles: &'static str,
    /// Endings of adjectives, and short adjectives without them.
    endings: &'static str,
    adjectives: &'static str,
    /// Whether nouns have capitals, which tells them from adjectives.
    capital_nouns: bool,
}

impl Lists {
    pub(super) fn of(language: &str) -> Self {
        let code = language.split(['-', '_']).next().unwrap_or_default();
        let Some((_, glue, openers, titles)) = LISTS.iter().find(|(known, ..)| *known == code) else {
            return Self::default();
        };
        let mut lists = Self {
            glue,
            openers,
            titles,
            ..Self::default()
        };
        match code {
            "en" => {
                (lists.articles, lists.endings, lists.adjectives) =
                    (ENGLISH_ARTICLES, ENGLISH_ENDINGS, ENGLISH_ADJECTIVES);
            }
            "de" => (lists.articles, lists.capital_nouns) = (GERMAN_ARTICLES, true),
            "fr" => (lists.articles, lists.adjectives) = (FRENCH_ARTICLES, FRENCH_ADJECTIVES),
            "es" => (lists.articles, lists.adjectives) = (SPANISH_ARTICLES, SPANISH_ADJECTIVES),
            "it" => (lists.articles, lists.adjectives) = (ITALIAN_ARTICLES, ITALIAN_ADJECTIVES),
            "pt" => (lists.articles, lists.adjectives) = (PORTUGUESE_ARTICLES, PORTUGUESE_ADJECTIVES),
            "nl" => {
                (lists.articles, lists.endings, lists.adjectives) = (DUTCH_ARTICLES, DUTCH_ENDINGS, DUTCH_ADJECTIVES);
            }
            _ => {}
        }
        lists
    }

    pub(super) fn glues(&self, word: &str) -> bool {
        holds(self.glue, word)
    }

    pub(super) fn opens(&self, word: &str) -> bool {
        holds(self.openers, word)
    }

    /// Whether a word between an article and the next word describes the noun that follows.
    pub(super) fn describes(&self, word: &str, next: &str) -> bool {
        if self.capital_nouns {
            let capital = |word: &str| word.chars().next().is_some_and(char::is_uppercase);
            return !capital(word) && capital(next);
        }
        holds(self.adjectives, word) || self.endings.split_ascii_whitespace().any(|ending| ends(word, ending))
    }

    pub(super) fn has_capital_nouns(&self) -> bool {
        self.capital_nouns
    }

    pub(super) fn is_article(&self, word: &str) -> bool {
        holds(self.articles, word)
    }

    /// `Mr.`, as written.
    pub(super) fn is_title(&self, word: &str) -> bool {
        let word = word.trim_start_matches(['(', '"', '“', '„', '«', '¿', '¡']);
        holds(self.titles, word)
    }
}

/// Whether a word has this ending behind three letters at least.
fn ends(word: &str, ending: &str) -> bool {
    word.strip_suffix(ending).is_some_and(|stem| stem.chars().count() >= 3)
}

pub(super) fn holds(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|listed| listed == word)
}

const ENGLISH_ARTICLES: &str = "a an the my your his her its our their this that these those some any every each no";

const ENGLISH_ENDINGS: &str = "able ible ful less ous ive ical ic al ish ite ary ory est";

const ENGLISH_ADJECTIVES: &str = "good bad new old big small great little large long short high low young early late own other last first second third next \
     same best worst better worse few more most many such whole real true right wrong left hard easy strong clear free full open close red blue green \
     white black brown grey gray dark light hot cold warm nice kind fine poor rich rare main major minor human modern recent different important simple \
     single double half public private quiet loud deep wide narrow heavy quick slow safe sure happy sad busy tiny huge ancient urgent current present";

const GERMAN_ARTICLES: &str = "der die das den dem des ein eine einen einem einer eines kein keine keinen mein meine meinen meinem meiner dein deine \
     sein seine seinen seinem seiner ihr ihre ihren ihrem ihrer unser unsere unseren euer eure dieser diese dieses diesen diesem jeder jede jedes";

// In Romance languages most adjectives stand behind their noun: these stand before it.

const FRENCH_ARTICLES: &str = "le la les l un une des du de d au aux mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette ces \
     quelque quelques chaque";

const FRENCH_ADJECTIVES: &str = "grand grande grands grandes petit petite petits petites bon bonne bons bonnes beau bel belle beaux belles nouveau nouvel \
     nouvelle nouveaux nouvelles vieux vieil vieille vieilles jeune jeunes gros grosse grosses long longue longs longues haut haute mauvais mauvaise \
     mauvaises meilleur meilleure meilleurs meilleures pire premier première premiers premières deuxième second seconde troisième dernier dernière \
     derniers dernières prochain prochaine autre autres même mêmes seul seule vrai vraie ancien ancienne anciens anciennes certain certaine joli jolie";

const SPANISH_ARTICLES: &str = "el la los las lo un una unos unas al del mi mis tu tus su sus nuestro nuestra nuestros nuestras este esta estos estas ese \
     esa esos esas cada";

const SPANISH_ADJECTIVES: &str = "gran grande grandes buen buena buenos buenas mal mala malos malas primer primera primeros primeras segundo segunda tercer \
     tercera último última últimos últimas próximo próxima nuevo nueva nuevos nuevas viejo vieja viejos viejas mejor mejores peor peores mayor mayores \
     menor mismo misma mismos mismas otro otra otros otras pequeño pequeña pequeños pequeñas antiguo antigua único única propio propia verdadero verdadera";

const ITALIAN_ARTICLES: &str = "il lo la i gli le l un uno una del dello della dei degli delle dell al allo alla ai agli alle all dal dalla dai dall nel nella \
     nei nelle nell sul sulla sui sull mio mia miei mie tuo tua suo sua suoi sue nostro nostra vostro loro questo questa questi queste quel quello quella ogni";

const ITALIAN_ADJECTIVES: &str = "gran grande grandi buon buono buona buoni buone bel bello bella bei begli belle brutto brutta nuovo nuova nuovi nuove vecchio \
     vecchia vecchi vecchie primo prima primi prime secondo seconda terzo terza ultimo ultima ultimi ultime prossimo prossima altro altra altri altre stesso \
     stessa stessi stesse piccolo piccola piccoli piccole giovane giovani lungo lunga migliore migliori peggiore vero vera proprio propria unico unica";

const PORTUGUESE_ARTICLES: &str = "o a os as um uma uns umas do da dos das no na nos nas ao à aos às pelo pela pelos pelas num numa meu minha meus minhas teu tua \
     seu sua seus suas nosso nossa nossos este esta estes estas esse essa esses essas aquele aquela cada";

const PORTUGUESE_ADJECTIVES: &str = "grande grandes bom boa bons boas mau má maus más primeiro primeira primeiros primeiras segundo segunda terceiro terceira \
     último última últimos últimas próximo próxima novo nova novos novas velho velha velhos velhas outro outra outros outras mesmo mesma mesmos mesmas \
     melhor melhores pior maior maiores menor pequeno pequena pequenos pequenas antigo antiga próprio própria único única verdadeiro verdadeira";

const DUTCH_ARTICLES: &str = "de het een mijn jouw zijn haar ons onze jullie hun dit dat deze die elke elk geen";

const DUTCH_ENDINGS: &str = "ige lijke lijk ijke ische isch bare loze zame";

const DUTCH_ADJECTIVES: &str = "groot grote klein kleine nieuw nieuwe oud oude goed goede mooi mooie lang lange kort korte jong jonge eerste tweede derde \
     laatste volgende vorige ander andere zelfde heel hele eigen beste betere slecht slechte hoog hoge laag lage vroeg vroege laat late rood rode blauw \
     blauwe groen groene wit witte zwart zwarte warm warme koud koude licht lichte donker donkere";

/// Language, glue, openers, titles.
const LISTS: &[(&str, &str, &str, &str)] = &[
    (
        "en",
        "a an the my your his her its our their this that these those some any every each no \
         of in on at to for from with by about into onto over under between through during before after against without within \
         and or but nor if because when while as than so who which whose \
         i you he she it we they is are was were am be been has have had do does did not will would can could shall should may might must \
         i'm you're he's she's it's we're they're i've you've we've they've i'll you'll he'll she'll we'll they'll don't didn't isn't wasn't can't won't very",
        "and or but nor if because when while although though as than so that which who whose where \
         of in on at to for from with by about into onto over under between through during before after against without within until since",
        "Mr. Mrs. Ms. Mr Mrs Ms Dr. Dr Prof. St. Sr. Jr. Gen. Col. Capt. Lt. Sgt. Rev. Hon. Gov. Sen. Rep. Sir Lord Lady Dame President Professor Captain No. vs.",
    ),
    (
        "de",
        "der die das den dem des ein eine einen einem einer eines kein keine keinen mein meine meinen meinem meiner dein deine sein seine seinen \
         seinem seiner ihr ihre ihren ihrem ihrer unser unsere unseren euer eure dieser diese dieses diesen diesem jeder jede jedes \
         in im ins an am ans auf aus bei beim mit nach von vom zu zum zur für gegen ohne um durch über unter vor hinter neben zwischen bis seit wegen \
         und oder aber denn weil dass wenn als ob obwohl damit sehr \
         ich du er sie es wir ist sind war waren bin bist hat haben habe hatte hatten wird werden wurde wurden kann können muss müssen soll will nicht",
        "und oder aber denn weil dass wenn als ob obwohl damit während sondern wie wo \
         in im an am auf aus bei beim mit nach von vom zu zum zur für gegen ohne um durch über unter vor hinter neben zwischen bis seit wegen",
        "Dr. Prof. Hr. Fr. Herr Frau Herrn St. Nr. Frl. Ing. Dipl. bzw. z.B. Präsident Professor",
    ),
    (
        "fr",
        "le la les l un une des du de d au aux mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette ces quelque quelques chaque \
         à en dans par pour sur sous avec sans chez vers entre contre depuis pendant avant après \
         et ou mais donc or ni car si que qui quand comme dont où très plus \
         je tu il elle on nous vous ils elles ne me te se est sont était étaient suis es a ai as ont avait avaient sera peut doit va pas",
        "et ou mais donc ni car si que qui quand comme dont où parce lorsque puisque \
         à en dans par pour sur sous avec sans chez vers entre contre depuis pendant avant après de du des au aux",
        "M. Mme Mlle MM. Dr Dr. Pr St. Me Monsieur Madame Mademoiselle Président Professeur",
    ),
    (
        "es",
        "el la los las lo un una unos unas al del mi mis tu tus su sus nuestro nuestra nuestros nuestras este esta estos estas ese esa esos esas cada \
         a de en con por para sin sobre entre hasta desde hacia contra según durante ante bajo tras \
         y e o u pero ni que si como cuando porque aunque donde quien muy más \
         yo tú él ella nosotros ellos ellas me te se nos le les es son era eran soy está están estaba ha he han había puede debe va no",
        "y e o u pero ni que si como cuando porque aunque donde quien mientras sino \
         a de del al en con por para sin sobre entre hasta desde hacia contra según durante ante bajo tras",
        "Sr. Sra. Srta. Dr. Dra. D. Dña. Prof. Sto. Sta. San Don Doña Ud. Uds. Presidente",
    ),
    (
        "it",
        "il lo la i gli le l un uno una del dello della dei degli delle al allo alla ai agli alle dal dalla dai nel nella nei nelle sul sulla sui \
         mio mia miei mie tuo tua suo sua suoi sue nostro nostra vostro loro questo questa questi queste quel quello quella ogni \
         a di da in con su per tra fra senza sotto sopra contro verso durante dopo prima \
         e ed o ma né che se come quando perché dove chi cui molto più \
         io tu lui lei noi voi mi ti si ci vi è sono era erano sei siamo ha ho hai hanno aveva può deve va non",
        "e ed o ma né che se come quando perché dove chi cui mentre anche \
         a di da in con su per tra fra senza sotto sopra contro verso durante dopo del della dei delle al alla nel nella",
        "Sig. Sig.ra Sig.na Dott. Dott.ssa Dr. Prof. Prof.ssa Ing. Avv. On. S. San Santa Don Signor Signora Presidente",
    ),
    (
        "pt",
        "o a os as um uma uns umas do da dos das no na nos nas ao à aos às pelo pela pelos pelas num numa \
         meu minha meus minhas teu tua seu sua seus suas nosso nossa nossos este esta estes estas esse essa esses essas aquele aquela cada \
         de em com por para sem sobre entre até desde contra durante ante sob após \
         e ou mas nem que se como quando porque embora onde quem muito mais \
         eu tu ele ela nós eles elas você vocês me te lhe é são era eram está estão estava tem tenho têm tinha foi pode deve vai não",
        "e ou mas nem que se como quando porque embora onde quem enquanto \
         de do da em no na com por para sem sobre entre até desde contra durante sob após ao à pelo pela",
        "Sr. Sra. Srta. Dr. Dra. D. Prof. Profa. São Santo Santa Dom Dona Presidente",
    ),
    (
        "nl",
        "de het een 't mijn jouw zijn haar ons onze jullie hun dit dat deze die elke elk geen \
         in op aan bij met van voor naar uit over onder tussen door tot om tegen zonder achter tijdens na sinds te \
         en of maar want dus als omdat terwijl toen dan hoewel zeer heel \
         ik jij je hij zij ze wij we u is was waren ben bent heeft heb hebben had hadden wordt worden werd kan kunnen moet wil zal niet",
        "en of maar want dus als omdat terwijl toen dat die hoewel waar wie \
         in op aan bij met van voor naar uit over onder tussen door tot om tegen zonder achter tijdens na sinds",
        "dhr. mevr. mw. Dhr. Mevr. Mw. dr. Dr. drs. Drs. prof. Prof. ir. mr. ing. St. Sint meneer mevrouw Meneer Mevrouw",
    ),
];
