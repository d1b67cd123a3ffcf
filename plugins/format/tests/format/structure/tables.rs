//! The elements of TTML 2 (W3C, sections 7 to 13 and its schema) and of ELAN's annotation format 3.0 (`EAFv3.0.xsd`) that Cesar writes.

/// What an element may have.
pub(super) struct Element {
    pub(super) name: &'static str,
    pub(super) required: &'static [(&'static str, Type)],
    pub(super) optional: &'static [(&'static str, Type)],
    /// In this order, each any number of times but for those of `once`.
    pub(super) children: &'static [&'static str],
    /// Those of the children that occur exactly once.
    pub(super) once: &'static [&'static str],
    /// Whether text, spans and line breaks stand in any order.
    pub(super) mixed: bool,
}

pub(super) const PLAIN: Element = Element {
    name: "",
    required: &[],
    optional: &[],
    children: &[],
    once: &[],
    mixed: false,
};

/// The type of an attribute.
#[derive(Clone, Copy)]
pub(super) enum Type {
    Text,
    /// Unique in the file, and a name.
    Id,
    /// Unique among the elements of its name.
    Key,
    /// The id of an element of this name.
    Reference(&'static str),
    /// `HH:MM:SS.mmm`.
    Clock,
    /// `S.mmms`.
    Offset,
    /// `YYYY-MM-DDTHH:MM:SSZ` of a day that exists.
    DateTime,
    /// Empty, or a tag such as `pt-BR`.
    Language,
    /// A number of 32 bits.
    Unsigned,
    OneOf(&'static [&'static str]),
}

/// The elements of TTML that both profiles have.
pub(super) const TIMED_TEXT: &[Element] = &[
    Element {
        name: "tt",
        required: &[("xml:lang", Type::Language)],
        optional: &[
            ("ttp:version", Type::OneOf(&["2"])),
            ("ttp:timeBase", Type::OneOf(&["media"])),
            (
                "ttp:contentProfiles",
                Type::OneOf(&["http://www.w3.org/ns/ttml/profile/imsc1.1/text"]),
            ),
        ],
        children: &["head", "body"],
        once: &["head", "body"],
        ..PLAIN
    },
    Element {
        name: "head",
        children: &["metadata", "styling", "layout"],
        ..PLAIN
    },
    Element {
        name: "metadata",
        children: &["ttm:agent"],
        ..PLAIN
    },
    Element {
        name: "ttm:agent",
        required: &[("xml:id", Type::Id), ("type", Type::OneOf(&["person"]))],
        children: &["ttm:name"],
        once: &["ttm:name"],
        ..PLAIN
    },
    Element {
        name: "ttm:name",
        required: &[("type", Type::OneOf(&["full"]))],
        mixed: true,
        ..PLAIN
    },
    Element {
        name: "styling",
        children: &["style"],
        ..PLAIN
    },
    Element {
        name: "style",
        required: &[("xml:id", Type::Id)],
        optional: &[
            ("tts:fontFamily", Type::OneOf(&["proportionalSansSerif"])),
            ("tts:fontSize", Type::OneOf(&["5rh"])),
            ("tts:lineHeight", Type::OneOf(&["125%"])),
            ("tts:color", Type::Text),
            ("tts:backgroundColor", Type::Text),
        ],
        ..PLAIN
    },
    Element {
        name: "layout",
        children: &["region"],
        ..PLAIN
    },
    Element {
        name: "region",
        required: &[("xml:id", Type::Id)],
        optional: &[
            ("tts:origin", Type::OneOf(&["10% 10%"])),
            ("tts:extent", Type::OneOf(&["80% 80%"])),
            ("tts:displayAlign", Type::OneOf(&["after"])),
            ("tts:textAlign", Type::OneOf(&["center"])),
            ("tts:showBackground", Type::OneOf(&["whenActive"])),
        ],
        ..PLAIN
    },
    Element {
        name: "body",
        optional: &[
            ("style", Type::Reference("style")),
            ("region", Type::Reference("region")),
        ],
        children: &["div"],
        ..PLAIN
    },
    Element {
        name: "div",
        children: &["p"],
        ..PLAIN
    },
    Element {
        name: "p",
        required: &[("begin", Type::Clock), ("end", Type::Clock)],
        optional: &[("ttm:agent", Type::Reference("ttm:agent"))],
        children: &["span", "br"],
        mixed: true,
        ..PLAIN
    },
    Element {
        name: "span",
        optional: &[("style", Type::Reference("style"))],
        children: &["set", "br"],
        mixed: true,
        ..PLAIN
    },
    Element {
        name: "set",
        required: &[("begin", Type::Offset), ("end", Type::Offset)],
        optional: &[("tts:textDecoration", Type::OneOf(&["underline"]))],
        ..PLAIN
    },
    Element { name: "br", ..PLAIN },
];

pub(super) const ANNOTATIONS: &[Element] = &[
    Element {
        name: "ANNOTATION_DOCUMENT",
        required: &[
            ("AUTHOR", Type::Text),
            ("DATE", Type::DateTime),
            ("VERSION", Type::OneOf(&["3.0"])),
        ],
        optional: &[
            ("FORMAT", Type::OneOf(&["3.0"])),
            (
                "xsi:noNamespaceSchemaLocation",
                Type::OneOf(&["http://www.mpi.nl/tools/elan/EAFv3.0.xsd"]),
            ),
        ],
        children: &["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE"],
        once: &["HEADER", "TIME_ORDER", "LINGUISTIC_TYPE"],
        ..PLAIN
    },
    Element {
        name: "HEADER",
        optional: &[
            ("MEDIA_FILE", Type::Text),
            ("TIME_UNITS", Type::OneOf(&["milliseconds"])),
        ],
        children: &["MEDIA_DESCRIPTOR"],
        ..PLAIN
    },
    Element {
        name: "MEDIA_DESCRIPTOR",
        required: &[("MEDIA_URL", Type::Text), ("MIME_TYPE", Type::Text)],
        ..PLAIN
    },
    Element {
        name: "TIME_ORDER",
        children: &["TIME_SLOT"],
        ..PLAIN
    },
    Element {
        name: "TIME_SLOT",
        required: &[("TIME_SLOT_ID", Type::Id)],
        optional: &[("TIME_VALUE", Type::Unsigned)],
        ..PLAIN
    },
    Element {
        name: "TIER",
        required: &[
            ("TIER_ID", Type::Key),
            ("LINGUISTIC_TYPE_REF", Type::Reference("LINGUISTIC_TYPE")),
        ],
        optional: &[("PARTICIPANT", Type::Text)],
        children: &["ANNOTATION"],
        ..PLAIN
    },
    Element {
        name: "ANNOTATION",
        children: &["ALIGNABLE_ANNOTATION"],
        once: &["ALIGNABLE_ANNOTATION"],
        ..PLAIN
    },
    Element {
        name: "ALIGNABLE_ANNOTATION",
        required: &[
            ("ANNOTATION_ID", Type::Id),
            ("TIME_SLOT_REF1", Type::Reference("TIME_SLOT")),
            ("TIME_SLOT_REF2", Type::Reference("TIME_SLOT")),
        ],
        children: &["ANNOTATION_VALUE"],
        once: &["ANNOTATION_VALUE"],
        ..PLAIN
    },
    Element {
        name: "ANNOTATION_VALUE",
        mixed: true,
        ..PLAIN
    },
    Element {
        name: "LINGUISTIC_TYPE",
        required: &[("LINGUISTIC_TYPE_ID", Type::Key)],
        optional: &[
            ("TIME_ALIGNABLE", Type::OneOf(&["true", "false"])),
            ("GRAPHIC_REFERENCES", Type::OneOf(&["true", "false"])),
        ],
        ..PLAIN
    },
];
