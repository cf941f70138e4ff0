"""Long recordings into utterances: by CTC alignment where there is a transcript, by voice activity where there is none.

stream      audio of any length and format as 16 kHz blocks
vad         Silero's speech probabilities, and stretches of speech
transcript  a transcript as sentences and pieces, with the original spelling of each
graph       the states that a path through a transcript may take, and what leaving it costs
log_probs   CTC posteriors of audio of any length, window by window
align       the best path, frame by frame, in memory that does not grow with the audio
aligner     these together: what is said, when, how surely, and what else
runs        what was heard in the order of the transcript, and what was not
cutting     where to cut: at pauses, at sentence ends, none longer than allowed
segmenter   all of it for a recording and its supervisions
"""
