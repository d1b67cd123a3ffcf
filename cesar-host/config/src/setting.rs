//! One row of the table of settings, and the names that follow from it.

/// The kind of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text; empty text means "not set".
    Text,
    /// Text that is never shown.
    Secret,
    /// A name, or a path if it contains a `/`; empty text means "not set".
    NameOrPath,
    /// A path.
    Path,
    /// A list of paths; in a variable separated by `:`, as a flag repeated.
    Paths,
    /// A list of texts; in a variable or a flag separated by commas.
    Texts,
    /// A whole number.
    Integer {
        /// The minimum.
        minimum: i64,
        /// The maximum, if there is one.
        maximum: Option<i64>,
    },
    /// `true` or `false`; in a variable also `1` or `0`.
    Boolean,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A size in bytes such as `10 GB`, or `off`.
    Size,
    /// A length of time such as `30 d`, or `off`.
    Duration,
    /// Lengths of time by name; written like [`Kind::Options`].
    Durations,
    /// Options of a plugin by name; as a flag `name=value`, in a variable `name=value;name=value`, in the file a table.
    Options,
}

impl Kind {
    /// Whether a setting of this kind has entries by name instead of one value.
    #[must_use]
    pub fn is_table(self) -> bool {
        matches!(self, Self::Options | Self::Durations)
    }
}

/// The value of a setting that is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// No value; the words describe the effect.
    Unset(&'static str),
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Integer(i64),
    /// This text, of the setting's kind.
    Text(&'static str),
    /// An empty list or table.
    Empty,
    /// This folder in the user's cache folder (`$XDG_CACHE_HOME`, else `~/.cache`).
    InCacheFolder(&'static str),
}

/// The subcommands that have a setting's flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Every command: an argument of the program itself.
    Global,
    /// `cesar transcribe`.
    Transcribe,
    /// `cesar align`, which takes the flags of `cesar transcribe` but for those about speakers: the text names them.
    Align,
    /// `cesar watch`, which takes the flags of `cesar transcribe` but for those about addresses and about a single output file.
    Watch,
    /// `cesar render`, which takes the flags of `cesar transcribe` about formats.
    Render,
    /// `cesar cache …`.
    Cache,
    /// `cesar plugins …`.
    Plugins,
    /// `cesar models …`.
    Models,
    /// `cesar models pull`.
    Pull,
    /// `cesar serve`.
    Serve,
    /// `cesar worker`, which takes the flags of `cesar serve` about running jobs.
    Worker,
    /// `cesar config show`, which takes the flags of all groups.
    Config,
}

/// A setting's form on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// The name after `--`.
    pub long: &'static str,
    /// The letter after `-`.
    pub short: Option<char>,
    /// The placeholder of the value in help; empty for a switch.
    pub value_name: &'static str,
    /// For a switch: the value that it sets, and its help.
    pub switch: Option<(bool, &'static str)>,
    /// For a switch that has one: the switch that sets the other value, and its help. The last one given counts.
    pub opposite: Option<(&'static str, &'static str)>,
    /// The subcommands that have it, besides `cesar config show`.
    pub groups: &'static [Group],
}

/// A setting. Made by `const` builders, so that the table reads as a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its key in the configuration file: the section and the name, joined by a dot.
    pub key: &'static str,
    /// The kind of its value.
    pub kind: Kind,
    /// Its value when it is not set.
    pub fallback: Fallback,
    /// Its flag, if it has one.
    pub flag: Option<Flag>,
    /// Its variable, where that does not follow from the key.
    pub own_variable: Option<&'static str>,
    /// The table of plugin options in which this setting is a short form of the entry of the same name.
    pub option_of: Option<&'static str>,
    /// One sentence for users.
    pub doc: &'static str,
}

impl Setting {
    pub(super) const fn new(key: &'static str, kind: Kind, fallback: Fallback, doc: &'static str) -> Self {
        Self {
            key,
            kind,
            fallback,
            flag: None,
            own_variable: None,
            option_of: None,
            doc,
        }
    }

    pub(super) const fn flag(mut self, long: &'static str, value_name: &'static str, groups: &'static [Group]) -> Self {
        self.flag = Some(Flag {
            long,
            short: None,
            value_name,
            switch: None,
            opposite: None,
            groups,
        });
        self
    }

    pub(super) const fn switch(
        mut self,
        long: &'static str,
        sets: bool,
        doc: &'static str,
        groups: &'static [Group],
    ) -> Self {
        self.flag = Some(Flag {
            long,
            short: None,
            value_name: "",
            switch: Some((sets, doc)),
            opposite: None,
            groups,
        });
        self
    }

    /// After [`Self::switch`]: a switch that sets the other value.
    pub(super) const fn opposite(mut self, long: &'static str, doc: &'static str) -> Self {
        if let Some(flag) = &mut self.flag {
            flag.opposite = Some((long, doc));
        }
        self
    }

    pub(super) const fn short(mut self, letter: char) -> Self {
        if let Some(flag) = &mut self.flag {
            flag.short = Some(letter);
        }
        self
    }

    pub(super) const fn variable_named(mut self, name: &'static str) -> Self {
        self.own_variable = Some(name);
        self
    }

    pub(super) const fn option_of(mut self, table: &'static str) -> Self {
        self.option_of = Some(table);
        self
    }

    /// Its environment variable: `asr.beam_size` is `CESAR_ASR_BEAM_SIZE`, unless the table says otherwise.
    #[must_use]
    pub fn variable(&self) -> String {
        match self.own_variable {
            Some(name) => name.to_owned(),
            None => format!("CESAR_{}", self.key.replace('.', "_").to_uppercase()),
        }
    }

    /// The section of the configuration file it is in.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.key.split_once('.').map_or("", |(section, _)| section)
    }

    /// Its name within the section.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(_, name)| name)
    }
}
