//! {{name}}: the stage itself is in `stage.c`.

plugin_api::cesar_c_plugin!({{type}}, "cesar_stage", "cesar-plugin.json");

#[cfg(test)]
mod tests;
