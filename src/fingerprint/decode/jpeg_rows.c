/*
 * Rows of a JPEG, one batch at a time, from libjpeg-turbo with its defaults.
 *
 * libjpeg's error handler must not return; it jumps back into the function below that was called.
 * Every function that calls libjpeg therefore sets the jump itself, and returns one of the failures
 * below after one, with the reason in aotf_jpeg_message(). After a failure only that and aotf_jpeg_free() may be
 * called. The declarations are repeated in jpeg.rs; keep them alike.
 */
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <jerror.h>

#define ROWS_FAILED (-1)
#define ROWS_TOO_MANY_SAMPLES (-2)
#define ROWS_UNSUPPORTED (-3)

/* A scan costs something however small the picture is; encoders write less than twenty. */
#define MAX_SCANS 100

struct aotf_jpeg_header {
  uint32_t width;
  uint32_t height;
  uint32_t components;
  uint32_t bits_per_sample;
  /* Memory that holds the whole picture while it is decoded: 0 unless it comes in several scans. */
  uint64_t frame_bytes;
};

struct aotf_jpeg {
  struct jpeg_decompress_struct cinfo;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  /* Samples that all scans together may go through, and those of the scans that have begun. */
  uint64_t max_samples;
  uint64_t n_samples;
  int n_scans;
  /* A bit for each component of which a scan has brought the brightness of blocks. */
  uint32_t seen;
  /* What the call that fails returns. */
  int failure;
  jmp_buf failed;
  char message[JMSG_LENGTH_MAX];
};

static void fail_with(struct aotf_jpeg *jpeg, const char *message) {
  snprintf(jpeg->message, sizeof jpeg->message, "%s", message);
  longjmp(jpeg->failed, 1);
}

static void on_error(j_common_ptr common) {
  struct aotf_jpeg *jpeg = common->client_data;
  common->err->format_message(common, jpeg->message);
  longjmp(jpeg->failed, 1);
}

/* The data of a scan ends before its last block at this marker. At a restart marker only the blocks before it
 * are spoiled: the scan goes on behind it. */
static int is_restart(int marker) { return JPEG_RST0 <= marker && marker <= JPEG_RST0 + 7; }

/* Of the damage that libjpeg steps over, what leaves a part of the picture gray is an error. Real files have
 * the rest: bytes before a marker, odd versions and profiles, bits that mean nothing and spoil a few blocks. */
static void on_message(j_common_ptr common, int level) {
  const struct aotf_jpeg *jpeg = common->client_data;
  if (level >= 0) return;
  switch (common->err->msg_code) {
    case JWRN_HIT_MARKER:
      if (!is_restart(jpeg->cinfo.unread_marker)) on_error(common);
      break;
    case JWRN_MUST_RESYNC: /* a part between restart markers is missing */
      on_error(common);
  }
}

/* All data was there from the start, so when libjpeg wants more, the file is cut short. */
static boolean on_more_wanted(j_decompress_ptr cinfo) {
  fail_with(cinfo->client_data, "the file is cut short");
  return FALSE;
}

static void on_skip(j_decompress_ptr cinfo, long n_bytes) {
  if (n_bytes <= 0) return;
  if ((size_t)n_bytes > cinfo->src->bytes_in_buffer) on_more_wanted(cinfo);
  cinfo->src->next_input_byte += n_bytes;
  cinfo->src->bytes_in_buffer -= n_bytes;
}

static void do_nothing(j_decompress_ptr cinfo) { (void)cinfo; }

/* Called before each step of the work: counts a scan before its first block is decoded. */
static void on_progress(j_common_ptr common) {
  struct aotf_jpeg *jpeg = common->client_data;
  const struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  if (cinfo->input_scan_number == jpeg->n_scans) return;
  jpeg->n_scans = cinfo->input_scan_number;
  for (int i = 0; i < cinfo->comps_in_scan; i++) {
    const jpeg_component_info *component = cinfo->cur_comp_info[i];
    jpeg->n_samples += (uint64_t)component->downsampled_width * component->downsampled_height;
    if (!cinfo->progressive_mode || cinfo->Ss == 0) jpeg->seen |= 1u << component->component_index;
  }
  if (jpeg->n_samples > jpeg->max_samples) jpeg->failure = ROWS_TOO_MANY_SAMPLES;
  if (jpeg->n_scans > MAX_SCANS || jpeg->n_samples > jpeg->max_samples) fail_with(jpeg, "too many scans");
}

/* Nothing may be called after this. */
void aotf_jpeg_free(struct aotf_jpeg *jpeg) {
  jpeg_destroy_decompress(&jpeg->cinfo);
  free(jpeg);
}

static int create(struct aotf_jpeg *jpeg) {
  jpeg->cinfo.err = jpeg_std_error(&jpeg->errors);
  jpeg->errors.error_exit = on_error;
  jpeg->errors.emit_message = on_message;
  jpeg->cinfo.client_data = jpeg;
  if (setjmp(jpeg->failed)) return ROWS_FAILED;
  jpeg_create_decompress(&jpeg->cinfo);
  return 0;
}

/* Begins to read a file, whose bytes must stay until aotf_jpeg_free(). NULL: no memory. */
struct aotf_jpeg *aotf_jpeg_new(const unsigned char *data, size_t len, uint64_t max_samples) {
  struct aotf_jpeg *jpeg = calloc(1, sizeof *jpeg);
  if (jpeg == NULL) return NULL;
  jpeg->failure = ROWS_FAILED;
  jpeg->max_samples = max_samples;
  if (create(jpeg) == ROWS_FAILED) {
    aotf_jpeg_free(jpeg);
    return NULL;
  }
  jpeg->source.init_source = do_nothing;
  jpeg->source.fill_input_buffer = on_more_wanted;
  jpeg->source.skip_input_data = on_skip;
  jpeg->source.resync_to_restart = jpeg_resync_to_restart;
  jpeg->source.term_source = do_nothing;
  jpeg->source.next_input_byte = data;
  jpeg->source.bytes_in_buffer = len;
  jpeg->cinfo.src = &jpeg->source;
  jpeg->progress.progress_monitor = on_progress;
  jpeg->cinfo.progress = &jpeg->progress;
  return jpeg;
}

/* Why the last call failed. */
const char *aotf_jpeg_message(const struct aotf_jpeg *jpeg) { return jpeg->message; }

/* Samples of the scans that have begun. */
uint64_t aotf_jpeg_samples(const struct aotf_jpeg *jpeg) { return jpeg->n_samples; }

/* Reads up to the picture itself. Called once, first. 0, or a failure. */
int aotf_jpeg_read_header(struct aotf_jpeg *jpeg, struct aotf_jpeg_header *header) {
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  if (setjmp(jpeg->failed)) return jpeg->failure;
  jpeg_read_header(cinfo, TRUE);
  if (cinfo->arith_code) {
    jpeg->failure = ROWS_UNSUPPORTED;
    fail_with(jpeg, "arithmetic coding");
  }
  header->width = cinfo->image_width;
  header->height = cinfo->image_height;
  header->components = (uint32_t)cinfo->num_components;
  header->bits_per_sample = (uint32_t)cinfo->data_precision;
  header->frame_bytes = 0;
  if (jpeg_has_multiple_scans(cinfo)) {
    for (int i = 0; i < cinfo->num_components; i++) {
      const jpeg_component_info *component = &cinfo->comp_info[i];
      header->frame_bytes += (uint64_t)component->width_in_blocks * component->height_in_blocks * sizeof(JBLOCK);
    }
  }
  return 0;
}

/* Begins with the picture; called once, after the header. Rows are gray (1 component), RGB with a
 * fourth byte (3), or CMYK as stored (4). 0, or a failure. */
int aotf_jpeg_start(struct aotf_jpeg *jpeg) {
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  if (setjmp(jpeg->failed)) return jpeg->failure;
  switch (cinfo->num_components) {
    case 1: cinfo->out_color_space = JCS_GRAYSCALE; break;
    case 3: cinfo->out_color_space = JCS_EXT_RGBX; break;
    case 4: cinfo->out_color_space = JCS_CMYK; break;
    default: fail_with(jpeg, "no colors are known for this number of components");
  }
  jpeg_start_decompress(cinfo);
  return 0;
}

/* Reads up to max_rows rows, row_bytes apart, which must be a row's length. How many, or a failure. */
int aotf_jpeg_read_rows(struct aotf_jpeg *jpeg, unsigned char *rows, size_t row_bytes, unsigned max_rows) {
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  unsigned volatile n_rows = 0;
  if (setjmp(jpeg->failed)) return jpeg->failure;
  if ((size_t)cinfo->output_width * (size_t)cinfo->output_components != row_bytes) fail_with(jpeg, "rows of another length");
  while (n_rows < max_rows && cinfo->output_scanline < cinfo->output_height) {
    JSAMPROW row = rows + n_rows * row_bytes;
    n_rows += jpeg_read_scanlines(cinfo, &row, 1);
  }
  if (jpeg->seen + 1 != 1u << cinfo->num_components) fail_with(jpeg, "a color is missing");
  return (int)n_rows;
}
