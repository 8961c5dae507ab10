import type { ComponentChildren } from "preact";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
      <g fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">
        {children}
      </g>
    </svg>
  );
}

const icon = (...paths: string[]) =>
  function Drawn() {
    return (
      <Icon>
        {paths.map((d) => (
          <path d={d} />
        ))}
      </Icon>
    );
  };

export const ChatIcon = icon(
  "M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v8a2.5 2.5 0 0 1-2.5 2.5H11l-4.5 3.5V17A2.5 2.5 0 0 1 4 14.5z",
  "M8.5 9h7M8.5 12.5h4.5",
);
export const CloseIcon = icon("M6 6l12 12M18 6L6 18");
export const DownIcon = icon("M6 9.5l6 6 6-6");
export const BackIcon = icon("M14.5 6l-6 6 6 6");
export const SendIcon = icon("M12 19V5M6 11l6-6 6 6");
export const NewIcon = icon("M12 5v14M5 12h14");
export const UpThumb = icon(
  "M7 10.5v9H4.5v-9zM7 10.5l4-7c1.5 0 2.5 1 2.3 2.6L12.8 9.5h5.4a1.8 1.8 0 0 1 1.8 2.1l-1.1 6.3a2 2 0 0 1-2 1.6H7",
);
export const DownThumb = icon(
  "M7 13.5v-9H4.5v9zM7 13.5l4 7c1.5 0 2.5-1 2.3-2.6l-.5-3.4h5.4a1.8 1.8 0 0 0 1.8-2.1l-1.1-6.3a2 2 0 0 0-2-1.6H7",
);
export const FileIcon = icon("M7 3.5h7l4 4v13H7z", "M14 3.5v4h4M10 12.5h5M10 16h5");
export const LinkIcon = icon("M13.5 5H19v5.5M19 5l-8.5 8.5M16.5 14v4.5h-11v-11H10");
export const UploadIcon = icon("M12 15.5V5M7.5 9.5L12 5l4.5 4.5M5 15.5V19h14v-3.5");
export const CheckIcon = icon("M5 12.5l4.5 4.5L19 7.5");
export const WarnIcon = icon("M12 4l9 15.5H3z", "M12 10v4.5M12 17.2v.1");
export const StopIcon = () => (
  <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
    <rect x="7" y="7" width="10" height="10" rx="2" fill="currentColor" />
  </svg>
);
