typedef long int ptrdiff_t;
typedef long unsigned int size_t;
typedef int wchar_t;
typedef struct {
  long long __max_align_ll __attribute__((__aligned__(__alignof__(long long))));
  long double __max_align_ld __attribute__((__aligned__(__alignof__(long double))));
} max_align_t;
typedef unsigned char __u_char;
typedef unsigned short int __u_short;
typedef unsigned int __u_int;
typedef unsigned long int __u_long;
typedef signed char __int8_t;
typedef unsigned char __uint8_t;
typedef signed short int __int16_t;
typedef unsigned short int __uint16_t;
typedef signed int __int32_t;
typedef unsigned int __uint32_t;
typedef signed long int __int64_t;
typedef unsigned long int __uint64_t;
typedef __int8_t __int_least8_t;
typedef __uint8_t __uint_least8_t;
typedef __int16_t __int_least16_t;
typedef __uint16_t __uint_least16_t;
typedef __int32_t __int_least32_t;
typedef __uint32_t __uint_least32_t;
typedef __int64_t __int_least64_t;
typedef __uint64_t __uint_least64_t;
typedef long int __quad_t;
typedef unsigned long int __u_quad_t;
typedef long int __intmax_t;
typedef unsigned long int __uintmax_t;
typedef unsigned long int __dev_t;
typedef unsigned int __uid_t;
typedef unsigned int __gid_t;
typedef unsigned long int __ino_t;
typedef unsigned long int __ino64_t;
typedef unsigned int __mode_t;
typedef unsigned long int __nlink_t;
typedef long int __off_t;
typedef long int __off64_t;
typedef int __pid_t;
typedef struct { int __val[2]; } __fsid_t;
typedef long int __clock_t;
typedef unsigned long int __rlim_t;
typedef unsigned long int __rlim64_t;
typedef unsigned int __id_t;
typedef long int __time_t;
typedef unsigned int __useconds_t;
typedef long int __suseconds_t;
typedef long int __suseconds64_t;
typedef int __daddr_t;
typedef int __key_t;
typedef int __clockid_t;
typedef void * __timer_t;
typedef long int __blksize_t;
typedef long int __blkcnt_t;
typedef long int __blkcnt64_t;
typedef unsigned long int __fsblkcnt_t;
typedef unsigned long int __fsblkcnt64_t;
typedef unsigned long int __fsfilcnt_t;
typedef unsigned long int __fsfilcnt64_t;
typedef long int __fsword_t;
typedef long int __ssize_t;
typedef long int __syscall_slong_t;
typedef unsigned long int __syscall_ulong_t;
typedef __off64_t __loff_t;
typedef char *__caddr_t;
typedef long int __intptr_t;
typedef unsigned int __socklen_t;
typedef int __sig_atomic_t;
typedef __int8_t int8_t;
typedef __int16_t int16_t;
typedef __int32_t int32_t;
typedef __int64_t int64_t;
typedef __uint8_t uint8_t;
typedef __uint16_t uint16_t;
typedef __uint32_t uint32_t;
typedef __uint64_t uint64_t;
typedef __int_least8_t int_least8_t;
typedef __int_least16_t int_least16_t;
typedef __int_least32_t int_least32_t;
typedef __int_least64_t int_least64_t;
typedef __uint_least8_t uint_least8_t;
typedef __uint_least16_t uint_least16_t;
typedef __uint_least32_t uint_least32_t;
typedef __uint_least64_t uint_least64_t;
typedef signed char int_fast8_t;
typedef long int int_fast16_t;
typedef long int int_fast32_t;
typedef long int int_fast64_t;
typedef unsigned char uint_fast8_t;
typedef unsigned long int uint_fast16_t;
typedef unsigned long int uint_fast32_t;
typedef unsigned long int uint_fast64_t;
typedef long int intptr_t;
typedef unsigned long int uintptr_t;
typedef __intmax_t intmax_t;
typedef __uintmax_t uintmax_t;
typedef enum clf_status {
  CLF_OK, CLF_EINVAL, CLF_ESHAPE, CLF_ENOMEM, CLF_ENODEV, CLF_EBUILD, CLF_ENOTSUP, CLF_EDEVICE, CLF_EMISMATCH, CLF_EIO, CLF_EFORMAT, CLF_ENUM, CLF_ESTOPPED,
} clf_status;
typedef struct clf_device clf_device;
typedef struct clf_memory {
  uint64_t now, most;
} clf_memory;
typedef struct clf_device_info {
  char name[64];
  char platform[128];
  char device[128];
  char driver[64];
  char type[16];
  char family[16];
  int32_t units;
  int32_t clock_mhz;
  uint64_t memory;
  uint64_t max_alloc;
  int passes;
  int chosen;
  char why[256];
} clf_device_info;
typedef struct clf_buffer clf_buffer;
typedef struct clf_tensor {
  clf_buffer *buf;
  int32_t offset;
  int32_t dim[4];
  int32_t stride[4];
} clf_tensor;
typedef struct clf_arena {
  clf_device *dev;
  clf_buffer *buf;
  size_t used, cap;
  int32_t by_column;
} clf_arena;
enum {
  CLF_COLUMN_normal, CLF_COLUMN_logistic, CLF_COLUMN_laplace, CLF_COLUMN_student, CLF_COLUMN_student_free, CLF_COLUMN_box,
  CLF_COLUMN_COUNT
};
enum { CLF_PIXELS_ALL, CLF_PIXELS_EVEN, CLF_PIXELS_ODD, CLF_PIXELS_COUNT };
enum {
  CLF_FACTOR_EXP,
  CLF_FACTOR_PARAMETER,
  CLF_FACTOR_SOFTPLUS,
  CLF_FACTOR_FREIA_SOFTPLUS,
  CLF_FACTOR_FREIA_SIGMOID,
  CLF_FACTOR_COUNT
};
enum {
  CLF_DIAGONAL_SOFTPLUS,
  CLF_DIAGONAL_EXP,
  CLF_DIAGONAL_PARAMETER,
  CLF_DIAGONAL_COUNT
};
enum {
  CLF_SCALE_exp, CLF_SCALE_exp_clip, CLF_SCALE_sigmoid, CLF_SCALE_softplus, CLF_SCALE_general, CLF_SCALE_soft, CLF_SCALE_atan, CLF_SCALE_tanh, CLF_SCALE_tanh_wide, CLF_SCALE_sigmoid_log,
  CLF_SCALE_COUNT
};
enum { CLF_RQS_NFLOWS, CLF_RQS_ZUKO, CLF_RQS_LIKE_COUNT };
enum { CLF_LINEAR_ENDS, CLF_CIRCULAR_ENDS, CLF_FREE_ENDS, CLF_ENDS_COUNT };
enum { CLF_OUTSIDE_REFUSED, CLF_OUTSIDE_LINE, CLF_OUTSIDE_COUNT };
typedef enum clf_act {
                       CLF_ACT_none, CLF_ACT_tanh, CLF_ACT_relu, CLF_ACT_leaky_relu, CLF_ACT_elu, CLF_ACT_sigmoid, CLF_ACT_softplus, CLF_ACT_silu, CLF_ACT_gelu,
                           CLF_ACT_COUNT
} clf_act;
typedef enum clf_op { CLF_OP_COUNT } clf_op;
typedef struct clf_gemm_args { clf_tensor a; clf_tensor b; clf_tensor bias; clf_tensor c; int ta; int tb; int act; float alpha; float beta; } clf_gemm_args;
typedef struct clf_act_fwd_args { clf_tensor x; clf_tensor y; int act; } clf_act_fwd_args;
typedef struct clf_crelu_fwd_args { clf_tensor x; clf_tensor y; float a; int pixels; } clf_crelu_fwd_args;
typedef struct clf_crelu_bwd_args { clf_tensor x; clf_tensor dy; clf_tensor dx; float a; } clf_crelu_bwd_args;
typedef struct clf_act_bwd_args { clf_tensor y; clf_tensor dy; clf_tensor dx; int act; float add; } clf_act_bwd_args;
typedef struct clf_gated_fwd_args { clf_tensor v; clf_tensor g; clf_tensor x; clf_tensor y; int unused; } clf_gated_fwd_args;
typedef struct clf_gated_bwd_args { clf_tensor v; clf_tensor g; clf_tensor dy; clf_tensor dv; clf_tensor dg; int unused; } clf_gated_bwd_args;
typedef struct clf_dropout_args { clf_tensor x; clf_tensor y; float drop; int seed_lo; int seed_hi; int stream; int first_lo; int first_hi; } clf_dropout_args;
typedef struct clf_layernorm_fwd_args { clf_tensor x; clf_tensor y; float eps; int ddof; } clf_layernorm_fwd_args;
typedef struct clf_layernorm_bwd_args { clf_tensor x; clf_tensor dy; clf_tensor dx; float eps; int ddof; } clf_layernorm_bwd_args;
typedef struct clf_mask_weights_args { clf_tensor mask; clf_tensor w; int unused; } clf_mask_weights_args;
typedef struct clf_angles_fwd_args { clf_tensor x; clf_tensor scale; clf_tensor y; int unused; } clf_angles_fwd_args;
typedef struct clf_angles_bwd_args { clf_tensor y; clf_tensor scale; clf_tensor dy; clf_tensor dx; int unused; } clf_angles_bwd_args;
typedef struct clf_angles_mix_fwd_args { clf_tensor a; clf_tensor w; clf_tensor y; int unused; } clf_angles_mix_fwd_args;
typedef struct clf_angles_mix_bwd_args { clf_tensor a; clf_tensor w; clf_tensor dy; clf_tensor da; clf_tensor dw; int unused; } clf_angles_mix_bwd_args;
typedef struct clf_gain_fwd_args { clf_tensor x; clf_tensor gain; clf_tensor bias; clf_tensor y; int unused; } clf_gain_fwd_args;
typedef struct clf_gain_bwd_args { clf_tensor x; clf_tensor gain; clf_tensor dy; clf_tensor dx; clf_tensor dgain; clf_tensor dbias; int unused; } clf_gain_bwd_args;
typedef struct clf_conv_fwd_args { clf_tensor x; clf_tensor w; clf_tensor bias; clf_tensor mean; clf_tensor var; clf_tensor shift; clf_tensor y; float beta; float eps; } clf_conv_fwd_args;
typedef struct clf_conv_bwd_data_args { clf_tensor dy; clf_tensor w; clf_tensor dx; float beta; } clf_conv_bwd_data_args;
typedef struct clf_conv_bwd_weights_args { clf_tensor x; clf_tensor mean; clf_tensor var; clf_tensor shift; clf_tensor dy; clf_tensor dw; float beta; float eps; } clf_conv_bwd_weights_args;
typedef struct clf_conv_bwd_bias_args { clf_tensor dy; clf_tensor db; float beta; } clf_conv_bwd_bias_args;
typedef struct clf_bn_stats_args { clf_tensor x; clf_tensor mean; clf_tensor var; int pixels; } clf_bn_stats_args;
typedef struct clf_bn_fwd_args { clf_tensor x; clf_tensor mean; clf_tensor var; clf_tensor beta; clf_tensor y; float eps; int act; int pixels; } clf_bn_fwd_args;
typedef struct clf_bn_bwd_args { clf_tensor x; clf_tensor mean; clf_tensor var; clf_tensor bmean; clf_tensor beta; clf_tensor dy; clf_tensor dx; clf_tensor dbeta; float eps; int act; int pixels; float batch; float add; } clf_bn_bwd_args;
typedef struct clf_bn_flow_fwd_args { clf_tensor x; clf_tensor mean; clf_tensor var; clf_tensor y; clf_tensor logdet; float eps; int pixels; } clf_bn_flow_fwd_args;
typedef struct clf_bn_flow_inv_args { clf_tensor y; clf_tensor mean; clf_tensor var; clf_tensor x; clf_tensor logdet; float eps; int pixels; } clf_bn_flow_inv_args;
typedef struct clf_bn_flow_bwd_args { clf_tensor x; clf_tensor mean; clf_tensor var; clf_tensor bmean; clf_tensor dy; clf_tensor dl; clf_tensor dx; float eps; int pixels; float batch; float wider; float dlogdet; } clf_bn_flow_bwd_args;
typedef struct clf_wn_fwd_args { clf_tensor v; clf_tensor g; clf_tensor w; int unused; } clf_wn_fwd_args;
typedef struct clf_wn_bwd_args { clf_tensor v; clf_tensor g; clf_tensor dw; clf_tensor dv; clf_tensor dg; int unused; } clf_wn_bwd_args;
typedef struct clf_mask_apply_args { clf_tensor x; clf_tensor b; clf_tensor y; float beta; } clf_mask_apply_args;
typedef struct clf_affine_fwd_args { clf_tensor x; clf_tensor h; clf_tensor t; clf_tensor b; clf_tensor y; clf_tensor logdet; float s_max; } clf_affine_fwd_args;
typedef struct clf_affine_inv_args { clf_tensor y; clf_tensor h; clf_tensor t; clf_tensor b; clf_tensor x; clf_tensor logdet; float s_max; } clf_affine_inv_args;
typedef struct clf_affine_bwd_args { clf_tensor x; clf_tensor h; clf_tensor b; clf_tensor dy; clf_tensor dl; clf_tensor dx; clf_tensor dh; clf_tensor dt; float s_max; float dlogdet; } clf_affine_bwd_args;
typedef struct clf_additive_args { clf_tensor x; clf_tensor t; clf_tensor b; clf_tensor y; float sign; } clf_additive_args;
typedef struct clf_additive_bwd_args { clf_tensor b; clf_tensor dy; clf_tensor dt; float sign; } clf_additive_bwd_args;
typedef struct clf_mlp_coupling_fwd_args { clf_tensor x; clf_tensor b; clf_tensor w; clf_tensor acts; clf_tensor y; clf_tensor logdet; int hidden; int add; float s_max; } clf_mlp_coupling_fwd_args;
typedef struct clf_mlp_coupling_inv_args { clf_tensor y; clf_tensor b; clf_tensor w; clf_tensor x; clf_tensor logdet; int hidden; int add; float s_max; } clf_mlp_coupling_inv_args;
typedef struct clf_mlp_coupling_bwd_args { clf_tensor y; clf_tensor dy; clf_tensor b; clf_tensor w; clf_tensor acts; clf_tensor x; clf_tensor dx; clf_tensor dw; int hidden; int add; float s_max; float dlogdet; } clf_mlp_coupling_bwd_args;
typedef struct clf_mlp_coupling_nll_args { clf_tensor x; clf_tensor b; clf_tensor w; clf_tensor loss; clf_tensor dw; int hidden; int add; float s_max; float weight; } clf_mlp_coupling_nll_args;
typedef struct clf_bounds_fwd_args { clf_tensor x; clf_tensor how; clf_tensor y; clf_tensor logdet; int unused; } clf_bounds_fwd_args;
typedef struct clf_bounds_inv_args { clf_tensor y; clf_tensor how; clf_tensor x; clf_tensor logdet; int unused; } clf_bounds_inv_args;
typedef struct clf_bounds_bwd_args { clf_tensor x; clf_tensor how; clf_tensor dy; clf_tensor dl; clf_tensor dx; float dlogdet; } clf_bounds_bwd_args;
typedef struct clf_bounds_inv_bwd_args { clf_tensor x; clf_tensor how; clf_tensor dx; clf_tensor dl; clf_tensor dy; float dlogdet; } clf_bounds_inv_bwd_args;
typedef struct clf_scale_shift_fwd_args { clf_tensor x; clf_tensor u; clf_tensor shift; clf_tensor y; clf_tensor logdet; int kind; float eps; } clf_scale_shift_fwd_args;
typedef struct clf_scale_shift_inv_args { clf_tensor y; clf_tensor u; clf_tensor shift; clf_tensor x; clf_tensor logdet; int kind; float eps; } clf_scale_shift_inv_args;
typedef struct clf_scale_shift_bwd_args { clf_tensor x; clf_tensor u; clf_tensor dy; clf_tensor dl; clf_tensor dx; clf_tensor du; clf_tensor dshift; int kind; float eps; float dlogdet; } clf_scale_shift_bwd_args;
typedef struct clf_scale_shift_inv_bwd_args { clf_tensor x; clf_tensor u; clf_tensor dx; clf_tensor dl; clf_tensor dy; clf_tensor du; clf_tensor dshift; int kind; float eps; float dlogdet; } clf_scale_shift_inv_bwd_args;
typedef struct clf_lu_compose_args { clf_tensor lower; clf_tensor upper; clf_tensor diagonal; clf_tensor w; clf_tensor v; clf_tensor logdet; int kind; } clf_lu_compose_args;
typedef struct clf_lu_bwd_args { clf_tensor lower; clf_tensor upper; clf_tensor diagonal; clf_tensor dw; clf_tensor dl; clf_tensor dlower; clf_tensor dupper; clf_tensor ddiagonal; int kind; float dlogdet; } clf_lu_bwd_args;
typedef struct clf_reflections_compose_args { clf_tensor left; clf_tensor upper; clf_tensor diagonal; clf_tensor right; clf_tensor w; clf_tensor v; clf_tensor logdet; int kind; } clf_reflections_compose_args;
typedef struct clf_reflections_bwd_args { clf_tensor left; clf_tensor upper; clf_tensor diagonal; clf_tensor right; clf_tensor dw; clf_tensor dl; clf_tensor dleft; clf_tensor dupper; clf_tensor ddiagonal; clf_tensor dright; int kind; float dlogdet; } clf_reflections_bwd_args;
typedef struct clf_rotation_compose_args { clf_tensor generator; clf_tensor w; int unused; } clf_rotation_compose_args;
typedef struct clf_rotation_bwd_args { clf_tensor generator; clf_tensor dw; clf_tensor dgenerator; int unused; } clf_rotation_bwd_args;
typedef struct clf_dense_compose_args { clf_tensor w; clf_tensor v; clf_tensor logdet; int unused; } clf_dense_compose_args;
typedef struct clf_dense_bwd_args { clf_tensor v; clf_tensor dl; clf_tensor dw; float dlogdet; } clf_dense_bwd_args;
typedef struct clf_logdet_add_args { clf_tensor value; clf_tensor logdet; float factor; int times; } clf_logdet_add_args;
typedef struct clf_scaling_fwd_args { clf_tensor x; clf_tensor log_s; clf_tensor y; clf_tensor logdet; int unused; } clf_scaling_fwd_args;
typedef struct clf_scaling_inv_args { clf_tensor y; clf_tensor log_s; clf_tensor x; clf_tensor logdet; int unused; } clf_scaling_inv_args;
typedef struct clf_scaling_bwd_args { clf_tensor x; clf_tensor log_s; clf_tensor dy; clf_tensor dl; clf_tensor dx; clf_tensor dlog_s; float dlogdet; } clf_scaling_bwd_args;
typedef struct clf_rescaled_fwd_args { clf_tensor x; clf_tensor th; clf_tensor g; clf_tensor g0; clf_tensor y; clf_tensor logdet; int pixels; int scale_first; } clf_rescaled_fwd_args;
typedef struct clf_rescaled_inv_args { clf_tensor y; clf_tensor th; clf_tensor g; clf_tensor g0; clf_tensor x; clf_tensor logdet; int pixels; int scale_first; } clf_rescaled_inv_args;
typedef struct clf_rescaled_bwd_args { clf_tensor x; clf_tensor th; clf_tensor g; clf_tensor g0; clf_tensor dy; clf_tensor dl; clf_tensor dx; clf_tensor dth; clf_tensor dg; clf_tensor dg0; int pixels; int scale_first; float dlogdet; } clf_rescaled_bwd_args;
typedef struct clf_squeeze_args { clf_tensor x; clf_tensor y; int ordered; int inverse; } clf_squeeze_args;
typedef struct clf_normal_logp_args { clf_tensor z; clf_tensor logdet; clf_tensor logp; int unused; } clf_normal_logp_args;
typedef struct clf_normal_nll_args { clf_tensor z; clf_tensor logdet; clf_tensor dz; clf_tensor loss; float weight; } clf_normal_nll_args;
typedef struct clf_column_logp_args { clf_tensor z; clf_tensor loc; clf_tensor log_scale; clf_tensor shape; clf_tensor logdet; clf_tensor logp; int kind; float beta; } clf_column_logp_args;
typedef struct clf_column_bwd_args { clf_tensor z; clf_tensor loc; clf_tensor log_scale; clf_tensor shape; clf_tensor dl; clf_tensor dz; clf_tensor dloc; clf_tensor dlog_scale; clf_tensor dshape; int kind; float dlogdet; } clf_column_bwd_args;
typedef struct clf_column_noise_args { clf_tensor shape; clf_tensor y; int kind; int seed_lo; int seed_hi; int stream; int first_lo; int first_hi; } clf_column_noise_args;
typedef struct clf_column_place_args { clf_tensor e; clf_tensor loc; clf_tensor log_scale; clf_tensor shape; clf_tensor z; int kind; } clf_column_place_args;
typedef struct clf_column_place_bwd_args { clf_tensor z; clf_tensor loc; clf_tensor log_scale; clf_tensor shape; clf_tensor dz; clf_tensor dloc; clf_tensor dlog_scale; clf_tensor dshape; int kind; int seed_lo; int seed_hi; int stream; int first_lo; int first_hi; } clf_column_place_bwd_args;
typedef struct clf_gaussians_logp_args { clf_tensor z; clf_tensor loc; clf_tensor log_std; clf_tensor lower; clf_tensor t; clf_tensor logps; float eps; int first; } clf_gaussians_logp_args;
typedef struct clf_gaussians_bwd_args { clf_tensor t; clf_tensor log_std; clf_tensor lower; clf_tensor dlogps; clf_tensor dz; clf_tensor dloc; float eps; int first; } clf_gaussians_bwd_args;
typedef struct clf_gaussians_gradients_args { clf_tensor s; clf_tensor log_std; clf_tensor lower; clf_tensor dloc; clf_tensor dlog_std; clf_tensor dlower; float eps; int first; } clf_gaussians_gradients_args;
typedef struct clf_gaussians_place_args { clf_tensor e; clf_tensor index; clf_tensor loc; clf_tensor log_std; clf_tensor lower; clf_tensor z; float eps; } clf_gaussians_place_args;
typedef struct clf_gaussians_place_bwd_args { clf_tensor e; clf_tensor log_std; clf_tensor dz; clf_tensor dloc; clf_tensor dlog_std; clf_tensor dlower; int unused; } clf_gaussians_place_bwd_args;
typedef struct clf_gaussians_moments_args { clf_tensor t; clf_tensor resp; clf_tensor weights; clf_tensor s; int unused; } clf_gaussians_moments_args;
typedef struct clf_mixture_combine_args { clf_tensor logps; clf_tensor weights; clf_tensor logdet; clf_tensor logp; clf_tensor resp; float beta; } clf_mixture_combine_args;
typedef struct clf_mixture_bwd_args { clf_tensor resp; clf_tensor weights; clf_tensor dl; clf_tensor dlogps; clf_tensor dweights; float dlogdet; } clf_mixture_bwd_args;
typedef struct clf_mixture_cdf_args { clf_tensor weights; clf_tensor cdf; int unused; } clf_mixture_cdf_args;
typedef struct clf_mixture_pick_args { clf_tensor cdf; clf_tensor index; int seed_lo; int seed_hi; int stream; int first_lo; int first_hi; } clf_mixture_pick_args;
typedef struct clf_mixture_take_args { clf_tensor index; clf_tensor x; clf_tensor y; int k; } clf_mixture_take_args;
typedef struct clf_mixture_select_args { clf_tensor x; clf_tensor index; clf_tensor y; int unused; } clf_mixture_select_args;
typedef struct clf_one_hot_args { clf_tensor x; clf_tensor y; int unused; } clf_one_hot_args;
typedef struct clf_piecewise_knots_args { clf_tensor alpha; clf_tensor xi; clf_tensor v; int unused; } clf_piecewise_knots_args;
typedef struct clf_piecewise_fwd_args { clf_tensor x; clf_tensor xi; clf_tensor v; clf_tensor y; clf_tensor logdet; float xmin; float rate; int tails; } clf_piecewise_fwd_args;
typedef struct clf_piecewise_inv_args { clf_tensor y; clf_tensor xi; clf_tensor v; clf_tensor x; clf_tensor logdet; float xmin; float rate; int tails; } clf_piecewise_inv_args;
typedef struct clf_piecewise_deriv_args { clf_tensor x; clf_tensor xi; clf_tensor d; float xmin; float rate; int tails; } clf_piecewise_deriv_args;
typedef struct clf_piecewise_bwd_args { clf_tensor x; clf_tensor xi; clf_tensor dy; clf_tensor dl; clf_tensor dx; clf_tensor dalpha; clf_tensor dxi; float xmin; float rate; int tails; float dlogdet; } clf_piecewise_bwd_args;
typedef struct clf_piecewise_inv_bwd_args { clf_tensor x; clf_tensor xi; clf_tensor dx; clf_tensor dl; clf_tensor dy; clf_tensor dalpha; clf_tensor dxi; float xmin; float rate; int tails; float dlogdet; } clf_piecewise_inv_bwd_args;
typedef struct clf_affine_map_fwd_args { clf_tensor x; clf_tensor at; clf_tensor s; clf_tensor t; clf_tensor g; clf_tensor g0; clf_tensor y; clf_tensor logdet; int scale; int first; float a; float a_rest; float a_last; float b; float b_rest; float b_last; } clf_affine_map_fwd_args;
typedef struct clf_affine_map_inv_args { clf_tensor y; clf_tensor at; clf_tensor s; clf_tensor t; clf_tensor g; clf_tensor g0; clf_tensor x; clf_tensor logdet; int scale; int first; float a; float a_rest; float a_last; float b; float b_rest; float b_last; } clf_affine_map_inv_args;
typedef struct clf_affine_map_bwd_args { clf_tensor x; clf_tensor at; clf_tensor s; clf_tensor t; clf_tensor g; clf_tensor g0; clf_tensor dy; clf_tensor dl; clf_tensor dx; clf_tensor ds; clf_tensor dt; int scale; int first; float a; float a_rest; float a_last; float b; float b_rest; float b_last; float dlogdet; } clf_affine_map_bwd_args;
typedef struct clf_affine_map_inv_bwd_args { clf_tensor x; clf_tensor at; clf_tensor s; clf_tensor t; clf_tensor g; clf_tensor g0; clf_tensor dx; clf_tensor dl; clf_tensor dy; clf_tensor ds; clf_tensor dt; int scale; int first; float a; float a_rest; float a_last; float b; float b_rest; float b_last; float dlogdet; } clf_affine_map_inv_bwd_args;
typedef struct clf_trained_scale_bwd_args { clf_tensor s; clf_tensor g; clf_tensor ds; clf_tensor dg; clf_tensor dg0; int unused; } clf_trained_scale_bwd_args;
typedef struct clf_rqs_fwd_args { clf_tensor x; clf_tensor at; clf_tensor u; clf_tensor box; clf_tensor kinds; clf_tensor y; clf_tensor logdet; int like; int ends; int outside; int turn; float left; float left_rest; float left_last; float right; float right_rest; float right_last; float bottom; float bottom_rest; float bottom_last; float top; float top_rest; float top_last; float min_width; float min_width_rest; float min_width_last; float min_height; float min_height_rest; float min_height_last; float min_slope; float min_slope_rest; float min_slope_last; float end_slope; float end_slope_rest; float end_slope_last; float scale; float scale_rest; float scale_last; float gain; float gain_rest; float gain_last; float beta; float beta_rest; float beta_last; float shift; float shift_rest; float shift_last; } clf_rqs_fwd_args;
typedef struct clf_rqs_inv_args { clf_tensor y; clf_tensor at; clf_tensor u; clf_tensor box; clf_tensor kinds; clf_tensor x; clf_tensor logdet; int like; int ends; int outside; int turn; float left; float left_rest; float left_last; float right; float right_rest; float right_last; float bottom; float bottom_rest; float bottom_last; float top; float top_rest; float top_last; float min_width; float min_width_rest; float min_width_last; float min_height; float min_height_rest; float min_height_last; float min_slope; float min_slope_rest; float min_slope_last; float end_slope; float end_slope_rest; float end_slope_last; float scale; float scale_rest; float scale_last; float gain; float gain_rest; float gain_last; float beta; float beta_rest; float beta_last; float shift; float shift_rest; float shift_last; } clf_rqs_inv_args;
typedef struct clf_rqs_bwd_args { clf_tensor x; clf_tensor at; clf_tensor u; clf_tensor box; clf_tensor kinds; clf_tensor dy; clf_tensor dl; clf_tensor dx; clf_tensor du; int like; int ends; int outside; int turn; float left; float left_rest; float left_last; float right; float right_rest; float right_last; float bottom; float bottom_rest; float bottom_last; float top; float top_rest; float top_last; float min_width; float min_width_rest; float min_width_last; float min_height; float min_height_rest; float min_height_last; float min_slope; float min_slope_rest; float min_slope_last; float end_slope; float end_slope_rest; float end_slope_last; float scale; float scale_rest; float scale_last; float gain; float gain_rest; float gain_last; float beta; float beta_rest; float beta_last; float shift; float shift_rest; float shift_last; float dlogdet; } clf_rqs_bwd_args;
typedef struct clf_rqs_inv_bwd_args { clf_tensor x; clf_tensor at; clf_tensor u; clf_tensor box; clf_tensor kinds; clf_tensor dx; clf_tensor dl; clf_tensor dy; clf_tensor du; int like; int ends; int outside; int turn; float left; float left_rest; float left_last; float right; float right_rest; float right_last; float bottom; float bottom_rest; float bottom_last; float top; float top_rest; float top_last; float min_width; float min_width_rest; float min_width_last; float min_height; float min_height_rest; float min_height_last; float min_slope; float min_slope_rest; float min_slope_last; float end_slope; float end_slope_rest; float end_slope_last; float scale; float scale_rest; float scale_last; float gain; float gain_rest; float gain_last; float beta; float beta_rest; float beta_last; float shift; float shift_rest; float shift_last; float dlogdet; } clf_rqs_inv_bwd_args;
typedef struct clf_made_affine_inv_args { clf_tensor y; clf_tensor at; clf_tensor w; clf_tensor c; clf_tensor g; clf_tensor g0; clf_tensor x; clf_tensor logdet; int hidden; int layers; int residual; int period; int from; int each; int numbers; int pitch; int act_first; int act_odd; int act_even; int act_last; int join_first; int join_odd; int join_even; int skip_first; int skip_odd; int skip_even; int scale_at; int shift_at; int scale; int first; float a; float a_rest; float a_last; float b; float b_rest; float b_last; } clf_made_affine_inv_args;
typedef struct clf_made_rqs_inv_args { clf_tensor y; clf_tensor at; clf_tensor w; clf_tensor c; clf_tensor box; clf_tensor kinds; clf_tensor x; clf_tensor logdet; int hidden; int layers; int residual; int period; int from; int each; int numbers; int pitch; int act_first; int act_odd; int act_even; int act_last; int join_first; int join_odd; int join_even; int skip_first; int skip_odd; int skip_even; int like; int ends; int outside; int turn; float left; float left_rest; float left_last; float right; float right_rest; float right_last; float bottom; float bottom_rest; float bottom_last; float top; float top_rest; float top_last; float min_width; float min_width_rest; float min_width_last; float min_height; float min_height_rest; float min_height_last; float min_slope; float min_slope_rest; float min_slope_last; float end_slope; float end_slope_rest; float end_slope_last; float scale; float scale_rest; float scale_last; float gain; float gain_rest; float gain_last; float beta; float beta_rest; float beta_last; float shift; float shift_rest; float shift_last; } clf_made_rqs_inv_args;
typedef struct clf_poly_spline_fwd_args { clf_tensor x; clf_tensor at; clf_tensor u; clf_tensor box; clf_tensor y; clf_tensor logdet; int order; int tails; float left; float left_rest; float left_last; float right; float right_rest; float right_last; float bottom; float bottom_rest; float bottom_last; float top; float top_rest; float top_last; float min_width; float min_width_rest; float min_width_last; float min_height; float min_height_rest; float min_height_last; float scale; float scale_rest; float scale_last; float end_share; } clf_poly_spline_fwd_args;
typedef struct clf_poly_spline_inv_args { clf_tensor y; clf_tensor at; clf_tensor u; clf_tensor box; clf_tensor x; clf_tensor logdet; int order; int tails; float left; float left_rest; float left_last; float right; float right_rest; float right_last; float bottom; float bottom_rest; float bottom_last; float top; float top_rest; float top_last; float min_width; float min_width_rest; float min_width_last; float min_height; float min_height_rest; float min_height_last; float scale; float scale_rest; float scale_last; float end_share; } clf_poly_spline_inv_args;
typedef struct clf_poly_spline_bwd_args { clf_tensor x; clf_tensor at; clf_tensor u; clf_tensor box; clf_tensor dy; clf_tensor dl; clf_tensor dx; clf_tensor du; int order; int tails; float left; float left_rest; float left_last; float right; float right_rest; float right_last; float bottom; float bottom_rest; float bottom_last; float top; float top_rest; float top_last; float min_width; float min_width_rest; float min_width_last; float min_height; float min_height_rest; float min_height_last; float scale; float scale_rest; float scale_last; float end_share; float dlogdet; } clf_poly_spline_bwd_args;
typedef struct clf_poly_spline_inv_bwd_args { clf_tensor x; clf_tensor at; clf_tensor u; clf_tensor box; clf_tensor dx; clf_tensor dl; clf_tensor dy; clf_tensor du; int order; int tails; float left; float left_rest; float left_last; float right; float right_rest; float right_last; float bottom; float bottom_rest; float bottom_last; float top; float top_rest; float top_last; float min_width; float min_width_rest; float min_width_last; float min_height; float min_height_rest; float min_height_last; float scale; float scale_rest; float scale_last; float end_share; float dlogdet; } clf_poly_spline_inv_bwd_args;
typedef struct clf_adam_step_args { clf_tensor g; clf_tensor w; clf_tensor m; clf_tensor v; float lr; float beta1; float beta2; float eps; float c1; float c2; } clf_adam_step_args;
typedef struct clf_clip_norm_args { clf_tensor square; clf_tensor g; float most; } clf_clip_norm_args;
typedef struct clf_mlp_steps_args { clf_tensor x; clf_tensor b; clf_tensor w; clf_tensor m; clf_tensor v; clf_tensor loss; clf_tensor square; int hidden; int add; int scaling; float s_max; int batch; int shuffle; int seed_lo; int seed_hi; int epoch; int at; int count; int slot; int done; float lr; float beta1; float beta2; float eps; int eps_hat; float clip; } clf_mlp_steps_args;
typedef struct clf_copy_args { clf_tensor x; clf_tensor y; int unused; } clf_copy_args;
typedef struct clf_fill_args { clf_tensor y; float value; } clf_fill_args;
typedef struct clf_axpby_args { clf_tensor x; clf_tensor y; float a; float b; } clf_axpby_args;
typedef struct clf_add_ratio_args { clf_tensor a; clf_tensor b; clf_tensor y; int unused; } clf_add_ratio_args;
typedef struct clf_scale_rows_args { clf_tensor a; clf_tensor y; int unused; } clf_scale_rows_args;
typedef struct clf_sum_rows_args { clf_tensor x; clf_tensor y; float beta; } clf_sum_rows_args;
typedef struct clf_sum_squares_args { clf_tensor x; clf_tensor y; float beta; } clf_sum_squares_args;
typedef struct clf_columns_take_args { clf_tensor x; clf_tensor at; clf_tensor y; float beta; } clf_columns_take_args;
typedef struct clf_columns_add_args { clf_tensor x; clf_tensor at; clf_tensor y; int unused; } clf_columns_add_args;
typedef struct clf_random_bits_args { clf_tensor y; int seed_lo; int seed_hi; int stream; int first_lo; int first_hi; } clf_random_bits_args;
typedef struct clf_random_uniform_args { clf_tensor y; int seed_lo; int seed_hi; int stream; int first_lo; int first_hi; } clf_random_uniform_args;
typedef struct clf_random_normal_args { clf_tensor y; int seed_lo; int seed_hi; int stream; int first_lo; int first_hi; } clf_random_normal_args;
typedef struct clf_shuffle_rows_args { clf_tensor x; clf_tensor y; int seed_lo; int seed_hi; int epoch; int first; } clf_shuffle_rows_args;
typedef struct clf_dequantize_args { clf_tensor x; clf_tensor y; int seed_lo; int seed_hi; int stream; int first_lo; int first_hi; } clf_dequantize_args;
typedef struct clf_logit_fwd_args { clf_tensor x; clf_tensor y; clf_tensor logdet; float alpha; float omega; float levels; } clf_logit_fwd_args;
typedef struct clf_logit_inv_args { clf_tensor y; clf_tensor x; clf_tensor logdet; float alpha; float omega; float levels; } clf_logit_inv_args;
typedef struct clf_logit_bwd_args { clf_tensor x; clf_tensor dy; clf_tensor dx; float alpha; float omega; float levels; float dlogdet; } clf_logit_bwd_args;
typedef struct clf_fma_chain_args { clf_tensor y; int rounds; float a; float b; } clf_fma_chain_args;
typedef struct clf_op_info {
  const char *name;
  const char *file;
  const char *modes;
  size_t args_size, params_offset, params_size;
  clf_status (*rules)(const void *args);
} clf_op_info;
extern const clf_op_info clf_ops[CLF_OP_COUNT];
typedef struct clf_arch clf_arch;
typedef union clf_more {
  double real;
  int64_t whole;
  const void *at;
} clf_more;
typedef enum clf_column_kind {
CLF_COLUMN_NUMBER,
CLF_COLUMN_INTEGER,
CLF_COLUMN_BOOLEAN,
CLF_COLUMN_CATEGORY,
CLF_COLUMN_DATE,
CLF_COLUMN_TIME,
  CLF_COLUMN_KINDS
} clf_column_kind;
typedef struct clf_column {
  clf_column_kind kind;
  int32_t category_count;
  char **categories;
  char *form;
  char *unit;
  double smallest, largest;
  int32_t decimals;
} clf_column;
typedef struct clf_columns {
  int32_t count;
  char **names;
  clf_column *at;
} clf_columns;
typedef struct clf_table {
  int64_t rows;
  int32_t cols;
  double *at;
  char **names;
  char *notes;
  clf_column *columns;
  char **ids;
  char *id_name;
  int64_t *numbers;
  int64_t missing;
} clf_table;
typedef enum clf_header {
  CLF_HEADER_AUTO,
  CLF_HEADER_YES,
  CLF_HEADER_NO
} clf_header;
typedef enum clf_missing {
  CLF_MISSING_REFUSE,
  CLF_MISSING_KEEP,
  CLF_MISSING_DROP
} clf_missing;
typedef enum clf_image_order {
  CLF_ORDER_AUTO,
  CLF_ORDER_NHWC,
  CLF_ORDER_NCHW
} clf_image_order;
typedef struct clf_table_options {
  clf_header header;
  char delimiter;
  char decimal;
  char comment;
  int64_t skip;
  char *const *columns;
  int32_t column_count;
  char *const *drop;
  int32_t drop_count;
  int kinds;
  const clf_columns
      *like;
  const char *id;
  clf_missing missing;
  int32_t height, width, channels;
  clf_image_order order;
  clf_more more[6];
} clf_table_options;
enum { CLF_CATEGORIES_MAX = 256 };
typedef struct clf_column_grid {
  double step;
  double first, last;
} clf_column_grid;
typedef enum clf_advice_kind {
  CLF_ADVICE_CONSTANT,
  CLF_ADVICE_SCALE,
  CLF_ADVICE_DISCRETE,
  CLF_ADVICE_FEW_VALUES,
  CLF_ADVICE_POINT_MASS,
  CLF_ADVICE_OUTLIER,
  CLF_ADVICE_COLLINEAR,
  CLF_ADVICE_KINDS
} clf_advice_kind;
typedef struct clf_advice {
  clf_advice_kind kind;
  char sentence[768];
} clf_advice;
typedef enum clf_crop { CLF_CROP_NONE, CLF_CROP_CENTER, CLF_CROP_CELEBA, CLF_CROP_LSUN } clf_crop;
typedef struct clf_image_options {
  int32_t height, width;
  int32_t channels;
  clf_crop crop;
  int strict;
  int32_t bits;
  clf_image_order order;
  clf_more more[7];
} clf_image_options;
typedef struct clf_images clf_images;
typedef struct clf_image_draw {
  int flip;
  uint64_t seed;
  uint32_t epoch;
} clf_image_draw;
typedef enum clf_kind {
  CLF_NVP,
  CLF_NICE,
  CLF_PIECEWISE,
  CLF_REALNVP,
  CLF_COMPOSED
} clf_kind;
typedef struct clf_realnvp_variant {
  int32_t scale_first;
  int32_t odd_first;
  int32_t
      paper_logit;
  int32_t no_norm;
  double
      bn_rho;
} clf_realnvp_variant;
typedef struct clf_flow_spec {
  clf_kind kind;
  int32_t dim;
  int32_t hidden;
  int32_t depth;
  double s_max;
  int32_t bins;
  double xmin, xmax;
  int32_t tails;
  uint64_t seed;
  int32_t height, width, channels;
  int32_t scales;
  int32_t blocks;
  int32_t levels;
  double alpha;
  clf_realnvp_variant variant;
} clf_flow_spec;
typedef struct clf_flow clf_flow;
typedef struct clf_param {
  char name[64];
  int rank;
  int16_t trainable;
  int16_t decays;
  clf_tensor at;
} clf_param;
typedef struct clf_score {
  int64_t count;
  double mean, std_error, bits_per_dim;
  int64_t zeros;
  struct {
    double mean, std_error, bits_per_dim;
  } rest;
} clf_score;
typedef struct clf_history {
  int64_t epochs, steps;
  double train;
  double valid;
  int64_t best_epoch;
  double best_train;
  int64_t best_step;
  int averaged;
  int64_t early;
  int reverse;
} clf_history;
typedef clf_status (*clf_density_fn)(const double *x, int64_t n, double *logp, double *gradient,
                                     void *context);
typedef struct clf_density {
  int32_t dim;
  clf_density_fn log_density;
  void *context;
  uint64_t
      id;
  void *own;
} clf_density;
typedef struct clf_target {
  const char *name;
  const char *parameters;
  const char *help;
} clf_target;
typedef struct clf_importance_score {
  int64_t count, zeros;
  double log_z, log_z_error;
  double ess;
  double top;
  double bound, bound_error;
} clf_importance_score;
enum {
  CLF_EXPORT_LOG_PROB = 1,
  CLF_EXPORT_TRANSFORM = 2,
  CLF_EXPORT_INVERSE = 4,
  CLF_EXPORT_SAMPLE = 8
};
enum { CLF_ROW_TRAIN, CLF_ROW_VALID, CLF_ROW_TEST };
typedef struct clf_fit_data {
  const clf_table *x;
  const clf_table *given;
  const double *weights;
  const uint8_t *part;
  const char *name;
  clf_more more[4];
} clf_fit_data;
typedef struct clf_fit_options {
  double seconds;
  uint64_t seed;
  double valid, test;
  int refit;
  int quick;
  const char *repeat;
  clf_more more[8];
} clf_fit_options;
typedef struct clf_fit_progress {
  const char *name;
  int64_t step, steps;
  double seconds, budget;
  const char *best;
  double best_valid, best_error;
  const char *ended;
  double valid, valid_error;
  const char *note;
} clf_fit_progress;
typedef int (*clf_fit_progress_fn)(const clf_fit_progress *progress, void *context);
typedef struct clf_group clf_group;
enum { CLF_GROUP_THREADS = 256, CLF_GROUP_MOST = 4096 };
typedef struct clf_import_hint_info {
  const char *name, *value, *help;
} clf_import_hint_info;
typedef enum clf_winner {
  CLF_NO_DIFFERENCE,
  CLF_FIRST_BETTER,
  CLF_SECOND_BETTER,
  CLF_UNDECIDED
} clf_winner;
typedef struct clf_comparison {
  int64_t rows, missing;
  int64_t first, second, equal;
  int64_t zero_first, zero_second;
  int64_t zero_both;
  int64_t paired;
  double mean, std_error;
  clf_winner winner;
} clf_comparison;
typedef struct clf_deviation {
  int64_t n, m;
  double distance;
  double
      p_value;
} clf_deviation;
typedef enum clf_fit_verdict {
  CLF_FITS,
  CLF_FITS_NEARLY,
  CLF_FITS_BADLY
} clf_fit_verdict;
typedef enum clf_activations {
  CLF_ACTIVATIONS_STORE,
  CLF_ACTIVATIONS_REVERSE,
  CLF_ACTIVATIONS_AUTO
} clf_activations;
typedef union clf_train_value {
  double real;
  int64_t whole;
  int choice;
} clf_train_value;
typedef struct clf_train_options {
  int64_t epochs;
  int32_t batch;
  double lr, beta1, beta2, eps;
  int shuffle;
  double valid_split;
  int standardize;
  uint64_t seed;
  int eps_hat;
  double l2;
  double clip;
  int flip;
  int32_t part;
  uint64_t memory;
  int32_t drops;
  int activations;
  clf_train_value more[16];
} clf_train_options;
typedef struct clf_train_option {
  const char *name;
  char option[64];
  char range[96];
  const char *standard, *tables, *images;
  const char *help;
} clf_train_option;
typedef struct clf_preset {
  const char *name, *text;
  int32_t height, width, channels;
  int32_t scales, features, blocks, scale_first;
  clf_crop crop;
  int flip;
  int32_t batch;
  const char *arch, *values, *options;
} clf_preset;
typedef struct clf_trainer clf_trainer;
typedef struct clf_train_data {
  const clf_table *x;
  const clf_table *given;
  const double
      *weights;
  const clf_table *valid;
  const clf_table *valid_given;
  const double *valid_weights;
  clf_more more[4];
} clf_train_data;
typedef struct clf_train_plan {
  uint64_t parameters;
  uint64_t optimiser;
  uint64_t activations;
  uint64_t data;
  uint64_t total, limit;
  int32_t batch, part;
  int way;
  uint64_t stored, rebuilt;
  int batch_statistics;
} clf_train_plan;
typedef struct clf_progress {
  int64_t epoch, epochs;
  int64_t step, steps;
  int epoch_done;
  const float *losses;
  int64_t first, count;
  double train;
  double valid;
  int averaged;
  int best;
  double lr;
  double grad_norm;
  const char *dropped;
  const char *stored;
  const char *unbounded;
  const char *ended;
  const char *recovered;
  double rate;
  double seconds, left;
} clf_progress;
typedef int (*clf_progress_fn)(const clf_progress *progress, void *context);
typedef struct clf_mixture_options {
  uint64_t seed;
  int32_t starts;
  int32_t iterations;
  double
      tol;
  double reg;
  double prior;
  int tied;
  int (*stop)(void *context);
  void *context;
  clf_more more[8];
} clf_mixture_options;
typedef struct clf_mixture_result {
  double mean;
  int32_t iterations;
  int converged;
  int stopped;
  int32_t reseeded;
} clf_mixture_result;
typedef enum clf_treatment_kind {
  CLF_TREAT_NONE,
  CLF_TREAT_LOG,
  CLF_TREAT_LOGIT,
  CLF_TREAT_ASINH
} clf_treatment_kind;
typedef struct clf_treatment {
  clf_treatment_kind kind;
  double a, b, c;
  double gain;
  char sentence[320];
} clf_treatment;
typedef struct clf_treatments {
  int32_t cols;
  clf_treatment *column;
  char *head;
} clf_treatments;
typedef clf_status (*clf_work_fn)(clf_device *dev, void *context);
typedef enum clf_verdict {
  CLF_WAY_USUAL,
  CLF_WAY_SLOWER,
  CLF_WAY_FASTER,
  CLF_WAY_WRONG,
  CLF_WAY_FAILED
} clf_verdict;
enum { CLF_MAX_WAYS = 8 };
typedef struct clf_tuned {
  int index, total;
  const char *call;
  int64_t calls;
  double flops;
  int count;
  int best;
  struct {
    const char *name;
    double
        seconds;
    clf_verdict verdict;
    char why[256];
  } way[CLF_MAX_WAYS];
} clf_tuned;
typedef void (*clf_tuned_fn)(const clf_tuned *shape, void *context);
typedef struct clf_report_rows {
  const clf_table *x;
  const clf_table *given;
  const int64_t *row;
  char *const *ids;
} clf_report_rows;
typedef enum clf_report_judged {
  CLF_JUDGED_TEST,
  CLF_JUDGED_VALID,
  CLF_JUDGED_TRAIN,
  CLF_JUDGED_ANY
} clf_report_judged;
typedef struct clf_report_source {
  clf_flow *flow;
  clf_report_rows train, valid;
  clf_report_rows test;
  clf_report_judged judged;
  const char *data;
  const char *model;
  const char *command;
  uint64_t seed;
  const int32_t *pairs;
  int32_t pair_count;
  clf_more more[4];
} clf_report_source;
typedef enum clf_report_picture {
  CLF_PICTURE_MARGINALS,
  CLF_PICTURE_PAIRS,
  CLF_PICTURE_PIT,
  CLF_PICTURE_RANK,
  CLF_PICTURE_CURVES,
  CLF_PICTURE_CANDIDATES,
  CLF_PICTURES
} clf_report_picture;
clf_status clf_arch_parse(const char *text, clf_arch **arch) { __builtin_trap(); }
clf_status clf_arch_from_json(const char *json, clf_arch **arch) { __builtin_trap(); }
void clf_arch_free(clf_arch *arch) { __builtin_trap(); }
const char *clf_arch_text(const clf_arch *arch) { __builtin_trap(); }
const char *clf_arch_json(const clf_arch *arch) { __builtin_trap(); }
int32_t clf_arch_dim(const clf_arch *arch) { __builtin_trap(); }
int32_t clf_arch_context(const clf_arch *arch) { __builtin_trap(); }
int32_t clf_arch_layers(const clf_arch *arch) { __builtin_trap(); }
int clf_arch_shape(const clf_arch *arch, int32_t *height, int32_t *width, int32_t *channels) { __builtin_trap(); }
const char *clf_strerror(clf_status status) { __builtin_trap(); }
const char *clf_errmsg(void) { __builtin_trap(); }
void clf_set_listener(void (*listener)(const char *sentence, void *context), void *context) { __builtin_trap(); }
clf_status clf_fail(clf_status s, const char *text) { __builtin_trap(); }
clf_status clf_open(const char *name, clf_device **dev) { __builtin_trap(); }
void clf_close(clf_device *dev) { __builtin_trap(); }
const char *clf_device_name(const clf_device *dev) { __builtin_trap(); }
const char *clf_device_note(const clf_device *dev) { __builtin_trap(); }
const char *clf_device_report(clf_device *dev) { __builtin_trap(); }
clf_status clf_sync(clf_device *dev) { __builtin_trap(); }
clf_memory clf_memory_taken(clf_device *dev, int anew) { __builtin_trap(); }
clf_status clf_set_threads(int32_t n) { __builtin_trap(); }
int32_t clf_threads(void) { __builtin_trap(); }
clf_status clf_devices(int test, clf_device_info **list, int *count) { __builtin_trap(); }
clf_tensor clf_slice(clf_tensor t, int axis, int32_t begin, int32_t end) { __builtin_trap(); }
clf_tensor clf_flat(clf_tensor t) { __builtin_trap(); }
clf_status clf_write(clf_device *dev, clf_tensor dst, const float *src) { __builtin_trap(); }
clf_status clf_read(clf_device *dev, clf_tensor src, float *dst) { __builtin_trap(); }
clf_status clf_upload(clf_device *dev, clf_tensor dst, const float *src) { __builtin_trap(); }
clf_status clf_write64(clf_device *dev, clf_tensor dst, const double *src) { __builtin_trap(); }
clf_status clf_read64(clf_device *dev, clf_tensor src, double *dst) { __builtin_trap(); }
clf_status clf_arena_init(clf_arena *a, clf_device *dev, size_t cap) { __builtin_trap(); }
void clf_arena_free(clf_arena *a) { __builtin_trap(); }
clf_status clf_new(clf_arena *a, const int32_t dim[4], clf_tensor *t) { __builtin_trap(); }
clf_status clf_dispatch(clf_device *dev, clf_op op, const void *args) { __builtin_trap(); }
clf_status clf_table_new(int64_t rows, int32_t cols, clf_table *t) { __builtin_trap(); }
void clf_table_free(clf_table *t) { __builtin_trap(); }
clf_status clf_image_order_find(const char *what, int rank, const int64_t *dim, int32_t height, int32_t width, int32_t channels, clf_image_order usual, clf_image_order *found) { __builtin_trap(); }
clf_status clf_image_reorder(double *at, int64_t n, int32_t height, int32_t width, int32_t channels, clf_image_order to) { __builtin_trap(); }
clf_status clf_table_options_set(clf_table_options *options, const char *name, const char *value) { __builtin_trap(); }
clf_status clf_table_read_with(const char *source, const clf_table_options *options, clf_table *t) { __builtin_trap(); }
int clf_source_is_stream(const char *source) { __builtin_trap(); }
clf_status clf_table_read(const char *source, clf_table *t) { __builtin_trap(); }
const char *clf_column_kind_name(clf_column_kind kind) { __builtin_trap(); }
clf_status clf_column_value(const clf_column *column, const char *text, double *value) { __builtin_trap(); }
size_t clf_column_text(const clf_column *column, double value, char *text, size_t size) { __builtin_trap(); }
clf_status clf_column_check(const clf_column *column) { __builtin_trap(); }
clf_status clf_column_copy(const clf_column *column, clf_column *copy) { __builtin_trap(); }
void clf_column_free(clf_column *column) { __builtin_trap(); }
clf_status clf_columns_copy(const clf_columns *columns, clf_columns *copy) { __builtin_trap(); }
void clf_columns_free(clf_columns *columns) { __builtin_trap(); }
clf_status clf_table_drop_constant(clf_table *t) { __builtin_trap(); }
clf_status clf_table_one_hot(clf_table *t) { __builtin_trap(); }
int32_t clf_columns_one_hot_count(const clf_column *columns, int32_t count) { __builtin_trap(); }
clf_status clf_columns_one_hot(const clf_columns *columns, clf_columns *expanded) { __builtin_trap(); }
clf_status clf_table_line(const clf_table *t, int64_t row, char **line) { __builtin_trap(); }
clf_status clf_table_write(const char *path, const clf_table *t) { __builtin_trap(); }
clf_status clf_path_writable(const char *path) { __builtin_trap(); }
clf_status clf_file_write(const char *path, const void *bytes, size_t n) { __builtin_trap(); }
clf_status clf_table_match(clf_table *t, char *const *names, int32_t count) { __builtin_trap(); }
clf_status clf_table_match_kinds(clf_table *t, const clf_column *kinds) { __builtin_trap(); }
void clf_discard_unfinished(void) { __builtin_trap(); }
void clf_table_moments(const clf_table *t, const int64_t *index, int64_t count, double *mean, double *std) { __builtin_trap(); }
uint32_t clf_table_checksum(const clf_table *x, const clf_table *given) { __builtin_trap(); }
clf_status clf_table_grid(const clf_table *t, int32_t column, clf_column_grid *grid) { __builtin_trap(); }
clf_status clf_table_discrete(const clf_table *t, int32_t column, clf_column_grid *grid) { __builtin_trap(); }
clf_status clf_table_advise(const clf_table *t, int scaled, const clf_column_grid *grid, clf_advice **advice, int *count) { __builtin_trap(); }
const char *const *clf_synthetic(void) { __builtin_trap(); }
clf_status clf_density_open(const char *text, clf_density *density) { __builtin_trap(); }
void clf_density_free(clf_density *density) { __builtin_trap(); }
double clf_density_log_z(const clf_density *density) { __builtin_trap(); }
int clf_target_count(void) { __builtin_trap(); }
clf_target clf_target_at(int i) { __builtin_trap(); }
clf_status clf_importance(clf_flow *flow, const clf_density *density, uint64_t seed, int64_t first, int64_t n, clf_importance_score *score, double *x, double *log_weights) { __builtin_trap(); }
clf_status clf_importance_score_of(const double *log_weights, int64_t n, clf_importance_score *score) { __builtin_trap(); }
clf_status clf_export_c(clf_flow *flow, const char *path, const char *name, unsigned what, int use_float) { __builtin_trap(); }
clf_status clf_export_pytorch(clf_flow *flow, const char *name) { __builtin_trap(); }
clf_status clf_split_rows(int64_t rows, double valid, double test, uint64_t seed, uint8_t *part) { __builtin_trap(); }
clf_fit_options clf_fit_options_default(void) { __builtin_trap(); }
clf_status clf_fit_options_set(clf_fit_options *options, const char *name, const char *value) { __builtin_trap(); }
clf_status clf_fit(clf_device *dev, const clf_fit_data *data, const clf_fit_options *options, clf_fit_progress_fn report, void *context, clf_flow **flow) { __builtin_trap(); }
clf_flow_spec clf_flow_spec_default(clf_kind kind, int32_t dim) { __builtin_trap(); }
int64_t clf_flow_spec_weights(const clf_flow_spec *spec) { __builtin_trap(); }
clf_status clf_arch_of_spec(const clf_flow_spec *spec, clf_arch **arch) { __builtin_trap(); }
const char * clf_kind_name(clf_kind kind) { __builtin_trap(); }
clf_status clf_flow_create(clf_device *dev, const clf_flow_spec *spec, clf_flow **flow) { __builtin_trap(); }
clf_status clf_flow_create_arch(clf_device *dev, const clf_arch *arch, uint64_t seed, clf_flow **flow) { __builtin_trap(); }
clf_status clf_flow_blend(clf_flow *const *flows, const double *weights, int32_t count, clf_flow **blend) { __builtin_trap(); }
void clf_flow_free(clf_flow *flow) { __builtin_trap(); }
const clf_flow_spec *clf_flow_get_spec(const clf_flow *flow) { __builtin_trap(); }
clf_device *clf_flow_device(const clf_flow *flow) { __builtin_trap(); }
const clf_arch *clf_flow_arch(const clf_flow *flow) { __builtin_trap(); }
int32_t clf_flow_context(const clf_flow *flow) { __builtin_trap(); }
clf_status clf_flow_set_scaling(clf_flow *flow, const double *mean, const double *std) { __builtin_trap(); }
int clf_flow_scaling(const clf_flow *flow, const double **mean, const double **std) { __builtin_trap(); }
int clf_flow_is_scaled(const clf_flow *flow) { __builtin_trap(); }
clf_status clf_flow_set_grid(clf_flow *flow, const clf_column_grid *grid) { __builtin_trap(); }
const clf_column_grid *clf_flow_grid(const clf_flow *flow) { __builtin_trap(); }
clf_status clf_flow_set_columns(clf_flow *flow, char *const *names) { __builtin_trap(); }
char *const *clf_flow_columns(const clf_flow *flow) { __builtin_trap(); }
clf_status clf_flow_set_context_columns(clf_flow *flow, char *const *names) { __builtin_trap(); }
char *const *clf_flow_context_columns(const clf_flow *flow) { __builtin_trap(); }
clf_status clf_flow_set_kinds(clf_flow *flow, const clf_column *kinds) { __builtin_trap(); }
const clf_column *clf_flow_kinds(const clf_flow *flow) { __builtin_trap(); }
clf_status clf_flow_set_context_table(clf_flow *flow, const clf_columns *columns) { __builtin_trap(); }
const clf_columns *clf_flow_context_table(const clf_flow *flow) { __builtin_trap(); }
clf_status clf_flow_table_columns(const clf_flow *flow, int context, clf_columns *columns) { __builtin_trap(); }
clf_status clf_flow_set_observation(clf_flow *flow, const double *c) { __builtin_trap(); }
const double *clf_flow_observation(const clf_flow *flow) { __builtin_trap(); }
clf_status clf_flow_set_image_order(clf_flow *flow, clf_image_order order) { __builtin_trap(); }
clf_image_order clf_flow_image_order(const clf_flow *flow) { __builtin_trap(); }
clf_status clf_model_images(const char *path, int32_t shape[3], clf_image_order *order) { __builtin_trap(); }
int clf_flow_param_count(const clf_flow *flow) { __builtin_trap(); }
clf_param clf_flow_param(const clf_flow *flow, int i) { __builtin_trap(); }
int64_t clf_flow_weight_count(const clf_flow *flow) { __builtin_trap(); }
int64_t clf_flow_chunk(const clf_flow *flow) { __builtin_trap(); }
clf_status clf_log_prob(clf_flow *flow, const double *x, int64_t n, double *logp) { __builtin_trap(); }
clf_status clf_require_density(const clf_flow *flow, const double *x, int64_t n, const double *logp) { __builtin_trap(); }
void clf_flow_set_first_row(clf_flow *flow, int64_t first) { __builtin_trap(); }
clf_status clf_transform(clf_flow *flow, const double *x, int64_t n, double *z, double *logdet) { __builtin_trap(); }
clf_status clf_invert(clf_flow *flow, const double *z, int64_t n, double *x, double *logdet) { __builtin_trap(); }
clf_status clf_sample(clf_flow *flow, uint64_t seed, int64_t first, int64_t n, double *x) { __builtin_trap(); }
clf_status clf_sample_latents(clf_flow *flow, uint64_t seed, int64_t first, int64_t n, double temperature, double *z) { __builtin_trap(); }
clf_status clf_log_prob_given(clf_flow *flow, const double *x, const double *c, int64_t n, double *logp) { __builtin_trap(); }
clf_status clf_transform_given(clf_flow *flow, const double *x, const double *c, int64_t n, double *z, double *logdet) { __builtin_trap(); }
clf_status clf_invert_given(clf_flow *flow, const double *z, const double *c, int64_t n, double *x, double *logdet) { __builtin_trap(); }
clf_status clf_sample_given(clf_flow *flow, const double *c, int64_t rows, uint64_t seed, int64_t n, double *x) { __builtin_trap(); }
clf_status clf_sample_given_part(clf_flow *flow, const double *c, int64_t rows, uint64_t seed, int64_t n, int64_t first, int64_t count, double *x) { __builtin_trap(); }
clf_status clf_log_prob_gradient(clf_flow *flow, const double *x, const double *c, int64_t n, double *logp, double *dx, double *dc) { __builtin_trap(); }
clf_status clf_strange_columns(clf_flow *flow, const double *x, const double *c, int64_t n, uint64_t seed, double *gain, double *instead) { __builtin_trap(); }
clf_status clf_log_prob_tensor(clf_flow *flow, clf_tensor x, clf_tensor c, clf_tensor logp) { __builtin_trap(); }
clf_status clf_log_prob_device(clf_flow *flow, clf_tensor x, clf_tensor c, clf_tensor logp) { __builtin_trap(); }
clf_status clf_transform_device(clf_flow *flow, clf_tensor x, clf_tensor c, clf_tensor z, clf_tensor logdet) { __builtin_trap(); }
clf_status clf_invert_device(clf_flow *flow, clf_tensor z, clf_tensor c, clf_tensor x, clf_tensor logdet) { __builtin_trap(); }
clf_status clf_sample_device(clf_flow *flow, clf_tensor c, uint64_t seed, int64_t first, clf_tensor x) { __builtin_trap(); }
clf_status clf_log_prob_float(clf_flow *flow, const float *x, const float *c, int64_t n, float *logp) { __builtin_trap(); }
clf_status clf_sample_float(clf_flow *flow, const float *c, int64_t rows, uint64_t seed, int64_t n, float *x) { __builtin_trap(); }
clf_status clf_jacobian(clf_flow *flow, const double *x, double *J, double *logabsdet, double *logdet) { __builtin_trap(); }
clf_status clf_jacobian_given(clf_flow *flow, const double *x, const double *c, double *J, double *logabsdet, double *logdet) { __builtin_trap(); }
clf_status clf_evaluate(clf_flow *flow, const double *x, int64_t n, clf_score *score) { __builtin_trap(); }
clf_status clf_evaluate_given(clf_flow *flow, const double *x, const double *c, int64_t n, clf_score *score) { __builtin_trap(); }
clf_score clf_score_of(const double *logp, int64_t n, int32_t dim) { __builtin_trap(); }
void clf_dequantize(const uint8_t *bytes, int64_t n, int32_t dim, uint64_t seed, int64_t first, double *x) { __builtin_trap(); }
clf_status clf_check_levels(const clf_flow *flow, const uint8_t *bytes, int64_t n, int64_t first) { __builtin_trap(); }
clf_status clf_evaluate_images(clf_flow *flow, const clf_images *images, const int64_t *index, int64_t first, int64_t n, uint64_t seed, clf_score *score) { __builtin_trap(); }
int clf_flow_interval(const clf_flow *flow, double interval[2]) { __builtin_trap(); }
int32_t clf_latent_scale(const clf_flow_spec *spec, int32_t h, int32_t w) { __builtin_trap(); }
clf_status clf_flow_latent_scales(const clf_flow *flow, int32_t *scales, int32_t *count) { __builtin_trap(); }
clf_history clf_flow_history(const clf_flow *flow) { __builtin_trap(); }
clf_status clf_flow_set_record(clf_flow *flow, const char *record) { __builtin_trap(); }
const char *clf_flow_record(const clf_flow *flow) { __builtin_trap(); }
clf_status clf_model_record(const char *path, char **record) { __builtin_trap(); }
clf_status clf_flow_save(clf_flow *flow, const char *path) { __builtin_trap(); }
clf_status clf_flow_load(clf_device *dev, const char *path, const clf_flow_spec *hint, clf_flow **flow) { __builtin_trap(); }
clf_status clf_flow_load_memory(clf_device *dev, const void *bytes, size_t size, const clf_flow_spec *hint, clf_flow **flow) { __builtin_trap(); }
clf_status clf_flow_save_memory(clf_flow *flow, void **bytes, size_t *size) { __builtin_trap(); }
int clf_is_model_file(const char *path) { __builtin_trap(); }
clf_status clf_group_threads(int32_t n, clf_group **members) { __builtin_trap(); }
clf_status clf_group_mpi(clf_group **group) { __builtin_trap(); }
int32_t clf_group_launched(void) { __builtin_trap(); }
void clf_group_free(clf_group *group) { __builtin_trap(); }
void clf_group_exit(clf_group *group, int code) { __builtin_trap(); }
void clf_group_abort(clf_group *group) { __builtin_trap(); }
int32_t clf_group_rank(const clf_group *group) { __builtin_trap(); }
int32_t clf_group_size(const clf_group *group) { __builtin_trap(); }
int32_t clf_group_local_rank(const clf_group *group) { __builtin_trap(); }
const char *clf_group_member(const clf_group *group, int32_t rank) { __builtin_trap(); }
clf_status clf_group_barrier(clf_group *group) { __builtin_trap(); }
clf_status clf_group_gather(clf_group *group, const void *in, size_t bytes, void *out) { __builtin_trap(); }
clf_status clf_group_gather_parts(clf_group *group, void *all, const int64_t *first) { __builtin_trap(); }
clf_status clf_group_broadcast(clf_group *group, int32_t root, void *data, size_t bytes) { __builtin_trap(); }
clf_status clf_group_agree(clf_group *group, clf_status status) { __builtin_trap(); }
clf_status clf_image_options_set(clf_image_options *options, const char *name, const char *value) { __builtin_trap(); }
clf_status clf_images_open(const char *source, const clf_image_options *options, clf_images **images) { __builtin_trap(); }
void clf_images_free(clf_images *images) { __builtin_trap(); }
int clf_is_image_source(const char *source) { __builtin_trap(); }
void clf_images_progress(const clf_images *images, int64_t *done, int64_t *total) { __builtin_trap(); }
clf_status clf_images_wait(clf_images *images) { __builtin_trap(); }
int64_t clf_images_count(const clf_images *images) { __builtin_trap(); }
void clf_images_shape(const clf_images *images, int32_t *height, int32_t *width, int32_t *channels) { __builtin_trap(); }
int64_t clf_images_skipped(const clf_images *images, const char *const **sentences) { __builtin_trap(); }
const char *clf_images_note(const clf_images *images, int i) { __builtin_trap(); }
uint32_t clf_images_checksum(const clf_images *images) { __builtin_trap(); }
clf_status clf_images_get(const clf_images *images, const int64_t *index, int64_t first, int64_t n, const clf_image_draw *draw, uint8_t *out) { __builtin_trap(); }
clf_status clf_image_write_png(const char *path, const uint8_t *pixels, int32_t height, int32_t width, int32_t channels) { __builtin_trap(); }
clf_status clf_images_write_npy(const char *path, const uint8_t *pixels, int64_t n, int32_t height, int32_t width, int32_t channels) { __builtin_trap(); }
clf_status clf_images_write_npy_in(const char *path, const uint8_t *pixels, int64_t n, int32_t height, int32_t width, int32_t channels, clf_image_order order) { __builtin_trap(); }
clf_status clf_array_write_npy(const char *path, const double *at, int rank, const int64_t *dim) { __builtin_trap(); }
clf_status clf_noise_read(const char *path, int64_t count, int32_t height, int32_t width, int32_t channels, clf_table *noise) { __builtin_trap(); }
clf_status clf_import(clf_device *dev, const char *path, const char *hints, clf_flow **flow, char **report) { __builtin_trap(); }
clf_status clf_import_memory(clf_device *dev, const void *bytes, size_t size, const char *hints, clf_flow **flow, char **report) { __builtin_trap(); }
int clf_import_hint(int i, clf_import_hint_info *hint) { __builtin_trap(); }
clf_comparison clf_compare(const double *first, const double *second, int64_t n) { __builtin_trap(); }
clf_status clf_percentiles(const double *values, int64_t n, const double *others, int64_t m, double *percent) { __builtin_trap(); }
clf_status clf_ranks(const double *values, int64_t n, int64_t *rank) { __builtin_trap(); }
clf_status clf_model_percentiles(clf_flow *flow, const double *c, const double *logp, int64_t n, uint64_t seed, int64_t samples, double *percent) { __builtin_trap(); }
clf_status clf_deviation_of(const double *a, int64_t n, const double *b, int64_t m, clf_deviation *deviation) { __builtin_trap(); }
clf_status clf_calibrate(clf_flow *flow, const double *x, const double *c, int64_t n, uint64_t seed, int64_t samples, clf_deviation *logp, clf_deviation *columns) { __builtin_trap(); }
clf_fit_verdict clf_calibration_verdict(const clf_deviation *logp, const clf_deviation *columns, int32_t dim, int32_t *worst) { __builtin_trap(); }
clf_mixture_options clf_mixture_options_default(void) { __builtin_trap(); }
clf_status clf_mixture_options_set(clf_mixture_options *options, const char *name, const char *value) { __builtin_trap(); }
clf_status clf_mixture_fit(clf_flow *flow, const clf_train_data *data, const clf_mixture_options *options, clf_mixture_result *result) { __builtin_trap(); }
clf_status clf_flow_set_base_of(clf_flow *flow, const clf_flow *from) { __builtin_trap(); }
clf_status clf_open_cl(void *context, void *queue, clf_device **dev) { __builtin_trap(); }
clf_status clf_wrap_cl(clf_device *dev, void *mem, clf_arena *arena) { __builtin_trap(); }
const clf_op_info clf_ops[CLF_OP_COUNT];
clf_train_options clf_train_options_default(void) { __builtin_trap(); }
clf_train_options clf_train_options_tables(void) { __builtin_trap(); }
clf_train_options clf_train_options_images(void) { __builtin_trap(); }
clf_status clf_train_options_set(clf_train_options *options, const char *name, const char *value) { __builtin_trap(); }
clf_status clf_train_options_get(const clf_train_options *options, const char *name, char *value, size_t size) { __builtin_trap(); }
int clf_train_option_count(void) { __builtin_trap(); }
clf_train_option clf_train_option_at(int i) { __builtin_trap(); }
void clf_train_options_text(const clf_train_options *options, char *text, size_t size) { __builtin_trap(); }
int clf_preset_count(void) { __builtin_trap(); }
const clf_preset *clf_preset_at(int i) { __builtin_trap(); }
clf_status clf_preset_find(const char *name, const clf_preset **preset) { __builtin_trap(); }
clf_status clf_preset_arch(const clf_preset *preset, const char *values, clf_arch **arch) { __builtin_trap(); }
clf_status clf_preset_options(const clf_preset *preset, clf_train_options *options) { __builtin_trap(); }
clf_flow_spec clf_preset_spec(const clf_preset *preset, int32_t height, int32_t width, int32_t channels) { __builtin_trap(); }
clf_status clf_trainer_create(clf_flow *flow, const clf_table *data, const clf_train_options *options, clf_trainer **trainer) { __builtin_trap(); }
clf_status clf_trainer_create_with(clf_flow *flow, const clf_train_data *data, const clf_train_options *options, clf_trainer **trainer) { __builtin_trap(); }
void clf_trainer_free(clf_trainer *trainer) { __builtin_trap(); }
clf_status clf_trainer_create_images(clf_flow *flow, const clf_images *images, const clf_images *valid, const clf_train_options *options, clf_trainer **trainer) { __builtin_trap(); }
clf_status clf_trainer_create_density(clf_flow *flow, const clf_density *density, const clf_train_options *options, clf_trainer **trainer) { __builtin_trap(); }
clf_status clf_trainer_set_group(clf_trainer *trainer, clf_group *group, const double *shares) { __builtin_trap(); }
int32_t clf_trainer_grains(const clf_trainer *trainer) { __builtin_trap(); }
int32_t clf_train_grains_for(int32_t members) { __builtin_trap(); }
clf_status clf_train_plan_of(const clf_flow *flow, const clf_train_options *options, int64_t rows, clf_train_plan *plan) { __builtin_trap(); }
clf_train_plan clf_trainer_plan(const clf_trainer *trainer) { __builtin_trap(); }
clf_status clf_trainer_run(clf_trainer *trainer, clf_progress_fn report, void *context) { __builtin_trap(); }
clf_status clf_trainer_recalibrate(clf_trainer *trainer) { __builtin_trap(); }
clf_status clf_trainer_save(clf_trainer *trainer, const char *path) { __builtin_trap(); }
clf_status clf_trainer_resume(clf_trainer *trainer, const char *path) { __builtin_trap(); }
clf_status clf_train_options_load(const char *path, clf_train_options *options) { __builtin_trap(); }
clf_status clf_train_parts(const char *path, const clf_table *x, const clf_table *given, uint8_t *part, int *same) { __builtin_trap(); }
clf_status clf_table_treat(const clf_table *t, const int64_t *index, int64_t count, const clf_column_grid *grid, clf_treatments *out) { __builtin_trap(); }
void clf_treatments_free(clf_treatments *treatments) { __builtin_trap(); }
clf_status clf_tune(const char *device, clf_work_fn work, void *work_context, clf_tuned_fn report, void *report_context, int *kept) { __builtin_trap(); }
int clf_device_tuned(const clf_device *dev) { __builtin_trap(); }
const char *clf_version(void) { __builtin_trap(); }
int64_t clf_abi(const char *name) { __builtin_trap(); }
clf_status clf_plot_flow(clf_flow *flow, const clf_table *data, uint64_t seed, const char *path) { __builtin_trap(); }
clf_status clf_plot_table(const clf_table *t, const char *title, const char *path) { __builtin_trap(); }
clf_status clf_plot_training(const double *train, const double *valid, int64_t n, const char *path) { __builtin_trap(); }
clf_status clf_plot_bits(const double *train, const double *valid, int64_t n, const char *path) { __builtin_trap(); }
clf_status clf_report_write(const clf_report_source *source, const char *path, char *verdict, size_t size) { __builtin_trap(); }
clf_status clf_report_plot(const clf_report_source *source, clf_report_picture picture, const char *path) { __builtin_trap(); }
