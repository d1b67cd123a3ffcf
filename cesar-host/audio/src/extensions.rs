//! File name extensions of recordings, which are tried in a folder.
//!
//! A list by demuxer, so that no demuxer is allowed without its extensions. Extensions that usually mean something else
//! are omitted (`txt`, `dat`, `mod`, `str`, `avif`, `mks`, `swf`), and so are the sounds of games.

/// Extensions of recordings in lower case, by ffmpeg's demuxers; the built-in readers know no other kinds.
const OF_DEMUXERS: &[(&str, &[&str])] = &[
    ("3g2", &["3g2", "3gp2", "3gpp2"]),
    ("3gp", &["3gp", "3gpp", "3ga"]),
    ("aa", &["aa"]),
    ("aac", &["aac", "adts"]),
    ("ac3", &["ac3"]),
    ("act", &["act"]),
    ("aiff", &["aif", "aifc", "aiff"]),
    ("amr", &["amr", "awb"]),
    ("ape", &["ape"]),
    ("asf", &["asf", "wm", "wma", "wmv"]),
    ("au", &["au", "snd"]),
    ("avi", &["avi", "divx"]),
    ("caf", &["caf"]),
    ("dhav", &["dav"]),
    ("dsf", &["dsf"]),
    ("dss", &["dss"]),
    ("dts", &["dts"]),
    ("dtshd", &["dtshd"]),
    ("dv", &["dv"]),
    ("eac3", &["eac3", "ec3"]),
    ("flac", &["flac"]),
    ("flv", &["flv"]),
    ("g729", &["g729"]),
    ("gsm", &["gsm"]),
    ("gxf", &["gxf"]),
    ("iff", &["dff"]),
    ("ilbc", &["lbc"]),
    ("kux", &["kux"]),
    ("loas", &["latm", "loas"]),
    ("lxf", &["lxf"]),
    ("m4a", &["m4a", "m4b", "m4r"]),
    ("matroska", &["mk3d", "mka", "mkv"]),
    ("mlp", &["mlp"]),
    ("mmf", &["mmf"]),
    ("mov", &["f4a", "f4b", "f4v", "isma", "ismv", "mov", "mqv", "qt"]),
    ("mp3", &["m2a", "mp1", "mp2", "mp3", "mpa", "mpga"]),
    ("mp4", &["m4v", "mp4"]),
    ("mpc", &["mp+", "mpc", "mpp"]),
    ("mpeg", &["evo", "m2p", "mpeg", "mpg", "vob", "vro"]),
    ("mpegts", &["m2t", "m2ts", "mts", "tod", "tp", "trp", "ts"]),
    ("mxf", &["mxf"]),
    ("nistsphere", &["nist", "sph"]),
    ("nsv", &["nsv"]),
    ("nut", &["nut"]),
    ("nuv", &["nuv"]),
    ("ogg", &["oga", "ogg", "ogm", "ogv", "ogx", "opus", "spx"]),
    ("oma", &["aa3", "oma", "omg"]),
    ("pva", &["pva"]),
    ("pvf", &["pvf"]),
    ("qcp", &["qcp"]),
    ("rm", &["ra", "rm", "rmvb", "rv"]),
    ("sbc", &["msbc", "sbc"]),
    ("shn", &["shn"]),
    ("sox", &["sox"]),
    ("spdif", &["spdif"]),
    ("tak", &["tak"]),
    ("truehd", &["thd"]),
    ("tta", &["tta"]),
    ("ty", &["ty", "ty+"]),
    ("vivo", &["viv"]),
    ("voc", &["voc"]),
    ("vqf", &["vqf"]),
    ("w64", &["w64"]),
    ("wav", &["bwf", "rf64", "wav", "wave"]),
    ("webm", &["weba", "webm"]),
    ("wsd", &["wsd"]),
    ("wtv", &["wtv"]),
    ("wv", &["wv"]),
];

/// Whether a file with this extension (without the dot, in any case) is tried when walking a folder.
pub fn is_media_extension(extension: &str) -> bool {
    let extension = extension.to_ascii_lowercase();
    OF_DEMUXERS
        .iter()
        .any(|(_, extensions)| extensions.contains(&extension.as_str()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ffmpeg::ALLOWED_DEMUXERS;

    /// Other names of the same formats, devices' and games' formats, and those whose files have no extension of their own.
    const WITHOUT: &str = "\
3dostr,4xm,aax,ace,acm,adp,ads,adx,aea,afc,aix,alp,amrnb,amrwb,anm,apc,apm,aptx,aptx_hd,argo_asf,argo_brp,argo_cvg,asf_o,ast,avr,bfstm,\
binka,bink,boa,brstm,c93,codec2,daud,dfpwm,dxa,ea,epaf,film_cpk,fsb,fwse,g723_1,genh,hca,hcom,ifv,ircam,iss,iv8,jv,kvag,live_flv,lmlm4,lvf,\
mca,mgsts,mj2,mm,mods,moflex,mpc8,msf,msnwctcp,msp,mtaf,mtv,musx,mv,mvi,mxg,nc,nsp,osq,paf,pmp,pp_bnk,psxstr,r3d,redspark,rl2,roq,\
rpl,rsd,rso,sdr2,sds,siff,smjpeg,smk,sol,str,svag,svs,swf,thp,tiertexseq,tty,usm,vag,vmd,wady,wavarc,wc3movie,wsaud,wsvqa,wve,xa,\
xmd,xmv,xvag,xwma,yop";

    #[test]
    fn every_allowed_demuxer_says_how_its_files_are_called() {
        let of_table: Vec<_> = OF_DEMUXERS.iter().map(|(demuxer, _)| *demuxer).collect();
        let said: Vec<_> = of_table.iter().copied().chain(WITHOUT.split(',')).collect();
        let allowed: BTreeSet<_> = ALLOWED_DEMUXERS.split(',').collect();
        assert_eq!(said.len(), allowed.len(), "each is said once");
        assert_eq!(BTreeSet::from_iter(said), allowed);
    }

    #[test]
    fn extensions_are_known_in_any_case() {
        for extension in [
            "MP3", "webm", "3ga", "m4r", "mpga", "tak", "mpc", "nut", "dsf", "shn", "wtv", "sph", "mp1", "rmvb", "m2t",
            "f4v", "Opus",
        ] {
            assert!(is_media_extension(extension), "{extension}");
        }
        for extension in ["txt", "", "avif", "mks", "m3u8", "srt", "jpg", "json"] {
            assert!(!is_media_extension(extension), "{extension}");
        }
    }

    #[test]
    fn extensions_are_in_lower_case_and_of_one_demuxer() {
        let all: Vec<_> = OF_DEMUXERS.iter().flat_map(|(_, extensions)| *extensions).collect();
        assert_eq!(BTreeSet::from_iter(&all).len(), all.len());
        assert!(
            all.iter()
                .all(|extension| extension.to_ascii_lowercase() == **extension)
        );
    }
}
