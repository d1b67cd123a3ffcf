/* The times of words as flite speaks them: `word_times VOICE TEXT WAVE` writes the recording, and prints start, end and text of each token.
   Build: cc word_times.c -o word_times -lflite_cmu_us_{rms,slt,awb} -lflite_cmulex -lflite_usenglish -lflite -lm (Debian: flite1-dev) */
#include <flite/flite.h>
#include <stdio.h>
#include <string.h>

cst_voice *register_cmu_us_rms(const char *);
cst_voice *register_cmu_us_slt(const char *);
cst_voice *register_cmu_us_awb(const char *);

int main(int count, char **words) {
  if (count != 4) return 2;
  flite_init();
  cst_voice *voice = !strcmp(words[1], "rms")   ? register_cmu_us_rms(0)
                     : !strcmp(words[1], "slt") ? register_cmu_us_slt(0)
                                                : register_cmu_us_awb(0);
  cst_utterance *utterance = flite_synth_text(words[2], voice);
  cst_wave_save_riff(utt_wave(utterance), words[3]);
  const void *last = 0;
  const char *text = 0;
  float start = 0, end = 0, before = 0;
  for (cst_item *phone = relation_head(utt_relation(utterance, "Segment")); phone; phone = item_next(phone)) {
    cst_item *syllable = item_as(phone, "SylStructure");
    cst_item *word = syllable ? item_parent(item_parent(syllable)) : 0;
    cst_item *token = word ? item_parent(item_as(word, "Token")) : 0;
    float until = item_feat_float(phone, "end");
    if (token) {
      if (token->contents != last) {
        if (last) printf("%f\t%f\t%s\n", start, end, text);
        last = token->contents;
        text = item_feat_string(token, "name");
        start = before;
      }
      end = until;
    }
    before = until;
  }
  if (last) printf("%f\t%f\t%s\n", start, end, text);
  return 0;
}
