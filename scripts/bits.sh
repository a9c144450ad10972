#!/usr/bin/env bash
# Checksums of everything that a training computes, to see whether a change of the code moves a bit: weights, moments and metrics after 200 steps of every
# model, output distribution and switch, and what evaluation, prior mode and samples make of them. The same on two commits and the same bits, or a diff.
#
#   scripts/bits.sh EXECUTABLE DATA [OPTION...] > bits.txt
#
# EXECUTABLE is a built vbilstm, DATA a folder with tinyshakespeare.txt, sentence_polarity.zip and fsdd.tar.xz; options go to every training, for instance
# --simd 128 or --device soft. STEPS=20 takes fewer steps, for the software GPU.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
executable=$(realpath "$1")
data=$(realpath "$2")
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work" || true' EXIT
cd "$work"
quiet() { "$@" > "$work/output" 2>&1 || { cat "$work/output" >&2; exit 1; }; }
quiet "$executable" data prepare text-char --from "$data/tinyshakespeare.txt" --train-characters 20000 --out text
quiet "$executable" data prepare sentences --from "$data/sentence_polarity.zip" --encoding latin-1 --vocabulary 60 --max-words 6 --out sentences
quiet "$executable" data prepare fsdd --from "$data/fsdd.tar.xz" --frame-size 40 --row-frames 12 --out speech

digits="--set data.source=embedded-digits"
text="--data text --set model.output_distribution=categorical --set model.embedding_size=7 --set data.window=15"
words="--data sentences --set model.output_distribution=categorical --set model.embedding_size=9"
speech="--data speech --set model.output_distribution=gaussian --set model.frame_size=40"

# Name, data, and switches: those of the golden vectors.
while read -r name set switches; do
    options=()
    for option in ${!set}; do options+=("$option"); done
    for switch in $switches; do options+=(--set "model.$switch"); done
    case $set in
    text) options+=(--set "model.vocabulary_size=$(sed -n 's/.*"vocabulary_size": *\([0-9]*\).*/\1/p' text/manifest.json)") ;;
    words) options+=(--set "model.vocabulary_size=$(sed -n 's/.*"vocabulary_size": *\([0-9]*\).*/\1/p' sentences/manifest.json)") ;;
    esac
    quiet "$executable" train --run "$name" --steps "${STEPS:-200}" --set training.batch_size=6 --set training.evaluate_every=100 --set model.lstm_units=21 \
        --set model.mlp_units=18 --set model.latent_units=5 "${options[@]}" "$@"
    (
        cd "runs/$name"
        for file in checkpoints/last/*.safetensors; do printf '%s  %s %s\n' "$(sha256sum < "$file" | cut -c1-16)" "$name" "$(basename "$file")"; done
        printf '%s  %s metrics\n' "$(sed 's/"\(seconds\|samples_per_second\|time\|elapsed[a-z_]*\)":[^,}]*//g' metrics.jsonl | sha256sum | cut -c1-16)" "$name"
    )
    samples=0
    [ "$set" = text ] || samples=3
    printf '%s  %s evaluation\n' \
        "$("$executable" evaluate "runs/$name" --split validation --importance-samples $samples --json "$@" | sha256sum | cut -c1-16)" "$name"
    if [ "$name" != bilstm-"$set" ]; then
        printf '%s  %s prior mode\n' "$("$executable" evaluate "runs/$name" --split validation --prior-mode --json "$@" | sha256sum | cut -c1-16)" "$name"
        drawn=(--count 4)
        case $set in digits) drawn+=(--columns 2 --out "sample-$name.png") ;; speech) drawn+=(--steps 30 --out "sample-$name") ;; *) drawn+=(--steps 30) ;; esac
        quiet "$executable" sample "runs/$name" "${drawn[@]}" "$@"
        printf '%s  %s samples\n' "$(cat "$work/output" $(find . -path "./sample-$name*" -type f | sort) | sha256sum | cut -c1-16)" "$name"
    fi
    rm -rf "runs/$name" "sample-$name"*
done <<'CASES'
default-digits digits
pixels digits alignment=1
default-text text
default-words words
default-speech speech
skip-off digits skip_gradient=off
skip-both-words words skip_gradient=both
skip-both-speech speech skip_gradient=both
mean words b_tilde=mean
fixed-carried text prior=fixed
fixed-speech speech prior=fixed
concatenated speech generator_input=h_z_b_tilde
concatenated-mean words generator_input=h_z_b_tilde b_tilde=mean skip_gradient=off
xi speech beta=0.01
xi-still words beta=0.01 target_gradient_h=false
target-b speech target_gradient_b=true
tanh speech reconstruction_mean=tanh beta=0.01
prior-input words prior_input=h_x
prior-input-speech speech prior_input=h_x
free-bits speech free_bits=1
unit-variance speech reconstruction_variance=unit
clipped words activation_clip=0.2
clamped speech log_variance_min=-0.1 log_variance_max=0.1 output_log_variance_min=-0.1 output_log_variance_max=0.1
activity words gamma=0.01
aligned speech alignment=1
forget words forget_gate_bias=1 output_initialisation=0.2
z-forcing-digits digits kind=z-forcing
z-forcing-text text kind=z-forcing prior=fixed
z-forcing-speech speech kind=z-forcing reconstruction_mean=tanh alignment=1
lstm-digits digits kind=lstm
lstm-text text kind=lstm gamma=0.001
lstm-speech speech kind=lstm
bilstm-digits digits kind=bilstm
bilstm-words words kind=bilstm
bilstm-speech speech kind=bilstm
CASES
