#![no_main]

aotf_fuzz::parsers_of!("gelbooru");
