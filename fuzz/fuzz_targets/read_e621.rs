#![no_main]

aotf_fuzz::parsers_of!("e621");
